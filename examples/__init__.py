"""Examples that run: each is applied and built by a test."""
