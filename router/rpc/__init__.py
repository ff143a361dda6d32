"""gRPC over HTTP/2, both roles, on any stream of bytes."""
