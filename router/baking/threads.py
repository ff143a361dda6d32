"""Work in several threads, waited for by the thread that began it."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Sequence

from router.cancellation import Cancellation

__all__ = ["side_by_side"]


def side_by_side(
    works: Sequence[Callable[[], None]], cancellation: Cancellation, give_up: Callable[[str], None]
) -> None:
    """Do each work in a thread of its own, and return when all are done.

    ``give_up`` is called, with the reason, when ``cancellation`` is thrown and when the wait ends early; it
    has to end the works. Raises what one of them has raised, after ``give_up``.
    """
    if not works:
        return
    with Cancellation() as over:
        crew = _Crew(len(works), over, give_up)
        threads = [threading.Thread(target=crew.do, args=(work,), name="bake", daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            _wait(cancellation, over)
            if cancellation.cancelled:
                give_up(cancellation.why)
        except BaseException:
            give_up(cancellation.why or "interrupted")
            raise
        finally:
            for thread in threads:
                thread.join()
    if crew.crash is not None:
        raise crew.crash


class _Crew:
    def __init__(self, size: int, over: Cancellation, give_up: Callable[[str], None]) -> None:
        self.crash: BaseException | None = None
        self._left = size
        self._lock = threading.Lock()
        self._over = over
        self._give_up = give_up

    def do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 -- the thread that waits raises it
            self.crash = exc
            self._give_up("an internal error")
        with self._lock:
            self._left -= 1
            if not self._left:
                self._over.cancel("done")


def _wait(cancellation: Cancellation, over: Cancellation) -> None:
    poll = select.poll()
    poll.register(cancellation.fileno(), select.POLLIN)
    poll.register(over.fileno(), select.POLLIN)
    poll.poll()
