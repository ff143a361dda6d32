"""The program: options, output and exit codes around the library `router`."""
