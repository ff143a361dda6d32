"""Registries as the distribution specification has them: manifests and blobs, read, written and copied.

``client`` asks for them, ``requests`` is how each request gets through (logins, pauses, redirects),
``upload`` puts blobs, ``copying`` takes images along with what they are made of, ``combining`` makes an index
of several.
"""
