"""What carries a build out on a daemon."""
