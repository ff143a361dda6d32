"""One command, one module: its options, one call of the library, what is printed."""
