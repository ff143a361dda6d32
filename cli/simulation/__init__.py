"""What `warmroute simulate` reads and shows."""
