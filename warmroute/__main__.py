"""`python -m warmroute`: the same as `warmroute`."""

from cli.main import run

run()
