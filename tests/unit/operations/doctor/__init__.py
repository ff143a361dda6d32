"""Unit tests of router.operations.doctor."""
