"""Many builds at once, as a bake's plan has them: each target goes to its own home.

``requests`` makes a build of each target, ``run`` has them built side by side through a ``BuildRouter``.
"""
