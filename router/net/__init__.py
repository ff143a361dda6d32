"""Byte streams and the protocols on them. Nothing here knows a daemon's address."""
