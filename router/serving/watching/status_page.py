"""The status page of an endpoint: the answer of each of its paths.

It shows everybody who can open it what is built, by whom and where, and it is read-only.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files

from router.model.routing import Placement
from router.serving.watching import health
from router.serving.watching.board import Board
from router.serving.watching.documents import builds_document, daemons_document, ring_document
from router.serving.watching.http_server import Page, Stream
from router.serving.watching.lookout import Lookout, Sights
from router.serving.watching.metrics import CONTENT_TYPE, metrics_text
from router.serving.watching.ownership import Ownership, ownership

__all__ = ["StatusPage"]

# Seconds that the first viewer waits for the daemons.
_PATIENCE = 2.0
_JSON = "application/json"


class StatusPage:
    """Answers from a board and the fleet, whose keys are placed by ``placement``.

    ``draining`` says whether the endpoint takes no more builds.
    """

    def __init__(
        self, board: Board, lookout: Lookout, placement: Placement, draining: Callable[[], bool]
    ) -> None:
        self._board = board
        self._lookout = lookout
        self._placement = placement
        self._draining = draining
        self._owned: tuple[object, Ownership] | None = None

    def answer(self, path: str) -> Page | Stream | None:
        """Return the answer for a path; None if there is none."""
        match path:
            case "/":
                return _page()
            case health.HEALTH:
                return health.health_page(draining=self._draining())
            case "/metrics":
                # Makes the lookout ask how warm builds were; the next scrape has the answer.
                self._lookout.want()
                return Page(body=metrics_text(self._board.picture().counts).encode(), kind=CONTENT_TYPE)
            case "/api/builds":
                self._lookout.want()
                return _json(builds_document(self._board.picture()))
            case "/api/daemons":
                sights = self._lookout.want(_PATIENCE)
                return _json(daemons_document(sights, self._board.picture()))
            case "/api/ring":
                return _json(self._ring(self._lookout.want(_PATIENCE)))
            case "/api/events":
                return Stream(tick=_Ticks(self._everything))
            case _:
                return None

    def _ring(self, sights: Sights) -> Mapping[str, object]:
        picture = self._board.picture()
        keys = tuple(dict.fromkeys(build.key for build in (*picture.in_flight, *picture.ended)))
        daemons = tuple(each.daemon for each in sights.daemons)
        asked = (keys, tuple((daemon.name, daemon.hashed, daemon.unplaced) for daemon in daemons))
        known = self._owned
        if known is None or known[0] != asked:  # it is wanted each second, and changes only with builds
            known = self._owned = (asked, ownership(daemons, self._placement, keys))
        return ring_document(known[1])

    def _everything(self) -> Mapping[str, object]:
        sights, picture = self._lookout.want(), self._board.picture()
        return {
            **builds_document(picture),
            **daemons_document(sights, picture),
            "ring": self._ring(sights),
            "draining": self._draining(),
        }


class _Ticks:
    """The state, whenever it has changed."""

    def __init__(self, look: Callable[[], Mapping[str, object]]) -> None:
        self._look = look
        self._before = b""

    def __call__(self) -> bytes | None:
        seen = self._look()
        encoded = _encoded(seen)
        if encoded == self._before:
            return None
        self._before = encoded
        # So that ages are right even if the browser's clock is wrong.
        return _encoded({**seen, "now": round(time.time(), 3)})


def _encoded(value: object) -> bytes:
    # Only ASCII, and so one line.
    return json.dumps(value, separators=(",", ":")).encode()


def _json(value: object) -> Page:
    return Page(body=_encoded(value), kind=_JSON)


@cache
def _page() -> Page:
    text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    script, style = (_digest(text, f"<{tag}>", f"</{tag}>") for tag in ("script", "style"))
    # Names from strangers can't become scripts: only the page's own script runs.
    policy = (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(
        body=text.encode(),
        kind="text/html; charset=utf-8",
        headers=(("Content-Security-Policy", policy),),
    )


def _digest(text: str, begin: str, end: str) -> str:
    inner = text.partition(begin)[2].partition(end)[0]
    return f"sha256-{b64encode(sha256(inner.encode()).digest()).decode()}"
