"""buildctl's form of a build: a frontend with its options, or LLB. What it has no place for is refused."""

from __future__ import annotations

from router.errors import UsageError
from router.model.request import BuildRequest

__all__ = ["check_generic"]


def check_generic(request: BuildRequest) -> None:
    """Raise ``UsageError`` for what nobody would look at.

    A frontend is handed directories by their names and no context; LLB says itself what its steps do. To be
    asked before the surroundings' build arguments are added, which no user gave.
    """
    given = _first_given(
        {
            "--file": request.dockerfile is not None or request.dockerfile_text is not None,
            "a context on stdin": request.context_archive is not None,
            "--build-context": bool(request.build_contexts),
        }
    )
    if given:
        raise UsageError(
            f"--frontend and --llb have no place for {given}",
            hint="name what the frontend reads: --local context=. --local dockerfile=. --opt filename=NAME",
        )
    if request.definition is None or request.frontend:
        return
    given = _first_given(
        {
            "--opt": bool(request.frontend_options),
            "--build-arg": bool(request.build_args),
            "--label": bool(request.labels),
            "--target": bool(request.target),
            "--pull": request.pull,
            "--no-cache-filter": bool(request.no_cache_filter),
            "--network": request.network != "default",
            "--add-host": bool(request.add_hosts),
            "--shm-size": bool(request.shm_size),
            "--ulimit": bool(request.ulimits),
            "--resource": bool(request.resources),
            "--cgroup-parent": bool(request.cgroup_parent),
            "--attest, --sbom and --provenance": bool(request.attestations),
        }
    )
    if given:
        raise UsageError(
            f"{given}: LLB has no frontend that would read it",
            hint="leave it out, or give it to the program that makes the LLB",
        )


def _first_given(options: dict[str, bool]) -> str:
    return next((name for name, given in options.items() if given), "")
