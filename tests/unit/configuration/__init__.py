"""Unit tests of router.configuration."""
