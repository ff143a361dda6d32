"""The three rankings by their names, and fleets to rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import strategies as st

from router.model.routing import Placement
from router.placement import buildx, rendezvous, ring

Ranking = Callable[[str, Iterable[str]], tuple[str, ...]]

RANKINGS: dict[Placement, Ranking] = {"ring": ring.rank, "rendezvous": rendezvous.rank, "buildx": buildx.rank}

KEYS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
FLEETS = st.lists(NAMES, unique=True, min_size=1, max_size=8)
