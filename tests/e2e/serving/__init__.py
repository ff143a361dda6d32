"""The local endpoint, with the clients that it is for."""
