"""What is known of Docker: its config, where its engine is, its API."""
