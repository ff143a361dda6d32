"""warmroute, for tests that start it without knowing where it is installed."""

from cli.main import run

run()
