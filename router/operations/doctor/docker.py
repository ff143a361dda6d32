"""The docker config: whether it can be read, and whether the helpers that it names are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.docker import config as docker_config
from router.operations.doctor.finding import Finding
from router.program import find_program

__all__ = ["check_docker_config"]

_CHECK = "docker config"


def check_docker_config(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look for mistakes, and for helpers that aren't on PATH; a run might ask for a PIN."""
    config = docker_config.load(environment)
    subject = config.path
    tried = f"read {config.path}" if config.path else "looked for a docker config"
    faults = [
        Finding(
            check=_CHECK, level="note", subject=subject, tried=tried, result=warning, advice="mend the file"
        )
        for warning in config.warnings
    ]
    helpers = {name: f"for {registry}" for registry, name in config.cred_helpers.items() if name}
    if config.creds_store:
        helpers[config.creds_store] = "for all registries"
    for name, what in helpers.items():
        program = f"docker-credential-{name}"
        if "/" in name or find_program(program, environment) is None:
            faults.append(
                Finding(
                    check=_CHECK,
                    level="problem",
                    subject=subject,
                    tried=f"looked for {program} on PATH",
                    result=f"the credential helper {name} ({what}) is missing: pushes there will fail",
                    advice=f"install {program}, or take {name} out of credsStore and credHelpers",
                )
            )
    yield from faults
    if not faults:
        what = f"{len(helpers)} credential helpers on PATH" if helpers else "no credential helpers"
        yield Finding(check=_CHECK, level="ok", subject=subject, tried=tried, result=what)
