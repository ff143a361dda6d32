"""`warmroute history`: the builds that the daemons remember."""
