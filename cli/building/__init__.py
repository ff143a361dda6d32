"""One build from a request to its end: the display, what is left behind in files and on stdout."""
