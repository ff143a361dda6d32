"""Peers that mean harm: a daemon, an API server, a registry with its token server, a Docker engine, a pod.

Each module has one peer and its attacks, by name. An attack (``Attack``) runs the real program against the
peer and says what may come of it; tests/wire/cli/test_hostile_peers.py runs all of them, and
``python -m tests.hostile`` prints what each took.
"""
