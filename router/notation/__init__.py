"""Grammars that several flags share: one text, one value. Pure."""
