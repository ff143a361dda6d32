"""From what was given, options and what is piped in, to values of the library."""
