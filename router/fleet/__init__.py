"""Finding the daemons: one small module for each place to look."""
