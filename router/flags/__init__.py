"""One flag, one pure parser and formatter."""
