"""What would happen if: a fleet's daemons and keys played through, without a daemon. Pure.

Who gets a build is decided by the functions that real builds are routed by, ``router.placement.order`` and
``router.failover``; here is only what they act on: keys, the clock, and daemons that remember what they have
built. ``study`` puts the questions together, ``replay`` plays builds through.
"""
