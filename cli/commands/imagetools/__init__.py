"""`warmroute imagetools ...`: images in registries, looked at and put together without a daemon."""
