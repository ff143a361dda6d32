"""Byte streams and what is spoken on them. Nothing here knows an address of a daemon."""
