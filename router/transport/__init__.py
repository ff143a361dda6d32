"""From an address to a connected stream of bytes."""
