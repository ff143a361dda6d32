"""The program: options, output and exit codes around the library `router`."""

import gc

# Loading the program makes many objects and no garbage: with Python's own threshold the collector looks
# through them again and again, for a twentieth of a cached build.
gc.set_threshold(100_000, 20, 20)
