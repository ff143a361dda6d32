"""`make demo`: three daemons, six images, each built twice through the router."""
