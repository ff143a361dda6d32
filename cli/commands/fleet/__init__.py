"""`warmroute fleet ...`: fleets on Kubernetes, made, looked at, scaled and taken down."""
