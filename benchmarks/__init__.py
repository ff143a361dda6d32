"""Side by side with buildctl and buildx, on the same daemon, in one run."""
