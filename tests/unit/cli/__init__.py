"""Unit tests of the program."""
