"""buildctl's form of a build: a frontend with its options, or LLB. Options without a place there are
refused."""

from __future__ import annotations

from router.errors import UsageError
from router.model.request import BuildRequest

__all__ = ["check_generic"]


def check_generic(request: BuildRequest) -> None:
    """Raise ``UsageError`` for options that would be ignored.

    A frontend gets directories by name and no context; LLB itself says what its steps do. Call this before
    the build arguments from the environment are added: no user gave those.
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
            hint="name the frontend's inputs: --local context=. --local dockerfile=. --opt filename=NAME",
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
            f"{given} has no effect on LLB, which has no frontend",
            hint="leave it out, or pass it to the program that generates the LLB",
        )


def _first_given(options: dict[str, bool]) -> str:
    return next((name for name, given in options.items() if given), "")
