"""From a build request to the daemon's calls, and from its answers to events."""
