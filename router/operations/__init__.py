"""Questions to the whole fleet."""
