"""Checks on a fleet and on the way to it: one check is one function, which returns what it found."""
