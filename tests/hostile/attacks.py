"""All attacks, by the peer and their name."""

from __future__ import annotations

from tests.hostile import daemon, engine, http2_peer, kubernetes, registry, session, verbs
from tests.hostile.attack import Attack

__all__ = ["ATTACKS"]

_PEERS = {
    "daemon": daemon.ATTACKS,
    "HTTP/2": http2_peer.ATTACKS,
    "session": session.ATTACKS,
    "API server": kubernetes.ATTACKS,
    "registry": registry.ATTACKS,
    "engine": engine.ATTACKS,
    "verbs": verbs.ATTACKS,
}
ATTACKS: dict[str, Attack] = {
    f"{peer}: {name}": attack for peer, attacks in _PEERS.items() for name, attack in attacks.items()
}
