"""`warmroute imagetools ...`: images in registries, looked at and put together; no daemon takes part."""
