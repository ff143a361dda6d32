"""From a request to its key, and from a key to the order of the fleet. Pure."""
