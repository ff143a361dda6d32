"""Values that cross layers: what to build, where, what happens meanwhile, what came of it.

Frozen dataclasses and nothing else: no I/O, no parsing (that is ``specs``), no decisions.
"""
