"""Fleets on Kubernetes, as values."""
