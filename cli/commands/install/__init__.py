"""Make warmroute a command of other programs: docker, kubectl."""
