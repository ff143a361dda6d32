"""What is known of Kubernetes: its config, its API, pods and the ways into them."""
