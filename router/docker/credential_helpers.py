"""The protocol of docker-credential-* programs: one call, ``get``.

https://github.com/docker/docker-credential-helpers describes it: the registry's key on stdin, JSON or a
message on stdout.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.cancellation import Cancellation
from router.docker.config import Credentials
from router.errors import ToolError
from router.notation.go_names import go_fields
from router.notation.quoting import quoted
from router.untrusted_json import NotJSONError, read_json, text

__all__ = ["DEADLINE", "ask_helper"]

# A helper may unlock a keychain or call a cloud's API; the daemon waits 60 s for an answer.
DEADLINE = 45.0

_NOT_FOUND = "credentials not found in native keychain"
_NO_USER = "<token>"  # stands for the user name of an identity token


def ask_helper(
    helper: str, key: str, environment: Mapping[str, str], stop: Cancellation | None = None
) -> Credentials:
    """Return what ``docker-credential-HELPER`` has for a registry's key, anonymous if it has nothing.

    It is killed when ``stop`` is thrown, which raises ``CancelledError``. Raises ``ToolError`` when it is
    missing, fails, or stays silent past ``DEADLINE`` seconds.
    """
    from router.program import Command
    from router.running import Watch, run

    program = f"docker-credential-{helper}"
    if "/" in helper:
        raise ToolError(
            f"{quoted(helper)} in the docker config is a path, not the name of a credential helper",
            hint="credsStore and credHelpers name programs on PATH, without the prefix docker-credential-",
        )
    instead = f"take {helper} out of credsStore and credHelpers of the docker config"
    command = Command(
        argv=(program, "get"),
        environment=environment,
        stdin=key.encode(),
        hint=f"install {program}, or {instead}",
    )
    # It has nothing to put right: no time is lost on asking it to end.
    done = run(command, Watch(deadline=DEADLINE, cancellation=stop, grace=0.0))
    if done.returncode == 0:
        return _credentials(program, key, done.stdout)
    # Helpers tell their errors on stdout.
    said = (done.stdout or done.stderr).decode(errors="replace").strip()
    if said == _NOT_FOUND:
        return Credentials()
    raise ToolError(
        f"{program} has no credentials for {key}: {said or done.message}",
        hint=f"try it: echo {key} | {program} get; or {instead}",
    )


def _credentials(program: str, key: str, answer: bytes) -> Credentials:
    try:
        found = read_json(answer)
    except NotJSONError:
        found = None
    if not isinstance(found, dict):
        raise ToolError(f"{program} did not print a JSON object for {key}")
    fields = go_fields(found, ("Username", "Secret"))
    username, secret = text(fields, "Username"), text(fields, "Secret")
    return Credentials(username="" if username == _NO_USER else username, secret=secret)
