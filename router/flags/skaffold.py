"""What skaffold tells a custom build command in its environment.

Skaffold before 1.22 set ``IMAGES``, later ones ``IMAGE``. The user's own environment wins over skaffold's,
so its variables can contradict each other; that is noticed here.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.errors import UsageError
from router.flags.platform import parse_platforms
from router.model.frozen import frozen
from router.notation.boolean import parse_bool
from router.notation.flag import Flag

__all__ = ["SkaffoldBuild", "skaffold"]

_PUSH = Flag(name="PUSH_IMAGE", example="PUSH_IMAGE=true")
_PLATFORMS = Flag(name="PLATFORMS", example="PLATFORMS=linux/amd64,linux/arm64")


@frozen
class SkaffoldBuild:
    """One build that skaffold asks for; what it didn't say is empty.

    ``push`` is None where it didn't say. ``platforms`` are normalised; empty means any. ``warnings`` are
    contradictions that don't prevent the build, each one line for a person.
    """

    image: str
    image_repo: str = ""
    push: bool | None = None
    context: str = ""
    platforms: tuple[str, ...] = ()
    kube_context: str = ""
    namespace: str = ""
    warnings: tuple[str, ...] = ()


def skaffold(environment: Mapping[str, str], *, local: str = "linux/amd64") -> SkaffoldBuild | None:
    """Return the build that skaffold asks for, None where it asks for none.

    ``local`` is the platform that the word ``local`` stands for. Raises ``UsageError`` where a variable is
    none of its values, or several platforms are wanted without a push.
    """
    image = environment.get("IMAGE") or environment.get("IMAGES", "")
    if not image:
        return None
    build = SkaffoldBuild(
        image=image,
        image_repo=environment.get("IMAGE_REPO", ""),
        push=_push(environment.get("PUSH_IMAGE", "")),
        context=environment.get("BUILD_CONTEXT", ""),
        platforms=_platforms(environment.get("PLATFORMS", ""), local),
        kube_context=environment.get("KUBE_CONTEXT", ""),
        namespace=environment.get("NAMESPACE", ""),
        warnings=_warnings(environment, image),
    )
    if len(build.platforms) > 1 and build.push is False:
        raise UsageError(
            f"skaffold asks for several platforms ({', '.join(build.platforms)}) without a push: "
            "a Docker engine can't take more than one",
            hint="push (build.local.push: true in skaffold.yaml), or build for one platform (--platform)",
        )
    return build


def _push(text: str) -> bool | None:
    if not text:
        return None
    push = parse_bool(text)
    if push is None:
        raise _PUSH.error(text, "it must be true or false")
    return push


def _platforms(text: str, local: str) -> tuple[str, ...]:
    listed = [part.strip() for part in text.split(",") if part.strip()]
    if listed in ([], ["all"]):
        return ()
    return parse_platforms(listed, local=local, flag=_PLATFORMS)


def _warnings(environment: Mapping[str, str], image: str) -> tuple[str, ...]:
    repository, tag = environment.get("IMAGE_REPO"), environment.get("IMAGE_TAG")
    if not repository or not tag or image == f"{repository}:{tag}":
        return ()
    why = "is IMAGE set in your own environment? That wins over skaffold's"
    return (f"IMAGE is {image}, but skaffold expects {repository}:{tag}: {why}",)
