"""Real servers for tests, demos and benchmarks: how they are built, started, waited for and stopped.

`binaries` names every program; each of the other modules starts one kind of server and owns all of it:
processes, mounts, bridges, cgroups and files. Nothing here knows warmroute itself, and warmroute imports
nothing from here.

On the command line: ``python -m tests.servers build|cluster-up|cluster-down``.
"""
