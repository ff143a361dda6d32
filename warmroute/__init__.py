"""The library under the name that is installed: the public names of `router`, and no other.

>>> from warmroute import BuildRequest, BuildRouter

``python -m warmroute`` is the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import router

if TYPE_CHECKING:
    from router import *  # noqa: F403

    __version__: str
else:
    __all__ = list(dir(router))

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("warmroute")
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(router, name)


def __dir__() -> list[str]:
    return dir(router)
