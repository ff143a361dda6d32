"""Configuration files: reading one, and whether a project's counts."""
