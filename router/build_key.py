"""What a build is known by, wherever it is begun: its balancing key, and the name of its context."""

from __future__ import annotations

import os
from collections.abc import Mapping

from router.flags.context import STDIN
from router.model.frozen import frozen
from router.model.request import BuildRequest
from router.placement.key import GitCheckout, Key, KeyInputs, balancing_key
from router.providers.git_remote import find_git_location

__all__ = ["BuildKey", "build_key"]


@frozen
class BuildKey:
    """``context_id`` names the context independently of the machine: its path in its repository."""

    key: Key
    context_id: str


def build_key(request: BuildRequest, own: str, environment: Mapping[str, str]) -> BuildKey:
    """Return what a request is known by. ``own`` is the user's own key, empty for the rules."""
    # What comes on stdin was made where we are.
    context = "." if request.context == STDIN else request.context
    is_directory = os.path.isdir(context)
    location = find_git_location(context) if is_directory else None
    absolute = os.path.abspath(context)
    key = balancing_key(
        KeyInputs(
            key=own,
            image_repo=environment.get("IMAGE_REPO", ""),
            image=environment.get("IMAGE", "") or environment.get("IMAGES", ""),
            tags=request.tags,
            git=GitCheckout(remote=location.remote, path=location.path) if location else None,
            context=absolute if is_directory else context,
        )
    )
    return BuildKey(key=key, context_id=location.path if location else os.path.basename(absolute))
