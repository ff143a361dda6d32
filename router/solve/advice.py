"""Help with a failed step: a hint for the daemon's message, and the lines of the Dockerfile. Pure."""

from __future__ import annotations

import re
from base64 import b64decode

from router.errors import RpcError
from router.model.events import SourceRange
from router.model.source import excerpt, source_lines

__all__ = ["excerpt_of", "hint_for"]

# Hints by the text of the daemon's message: the daemon gives no other clue.
_LOG_IN = "run docker login for that registry: credentials come from your docker config"
_INSECURE = "if this registry is meant to be insecure: --registry-auth-tlscontext host={},insecure=true"
_PLAIN_HTTP = (
    "a registry without TLS: --output type=image,push=true,registry.insecure=true, or buildkitd.toml"
)
_UNKNOWN_CALL = (
    "this frontend has no such method: --call subrequests.describe lists its methods;"
    " --build-arg BUILDKIT_SYNTAX=docker/dockerfile:1 uses a newer frontend"
)
_GRANT = "--allow {} grants it; the daemon must allow it too (insecure-entitlements in buildkitd.toml)"
_GRANTED = "the daemon's administrator can allow it: insecure-entitlements in buildkitd.toml"
_FORWARD = "--ssh default forwards the agent of SSH_AUTH_SOCK, --ssh ID=PATH a socket or a private key"
_OLD_ENGINE = "the BuildKit inside this Docker engine can't do that; use a buildkitd: --addr or --selector"
_HINTS = (
    (
        re.compile(
            r"unknown cache (ex|im)porter|exporter \S+ could not be found|multiple references to image store"
        ),
        _OLD_ENGINE,
    ),
    (re.compile(r"unsupported request frontend\.|unsupported .*\.frontend\.subrequests"), _UNKNOWN_CALL),
    (
        re.compile(
            r"401 Unauthorized|403 Forbidden|no basic auth|authorization failed|insufficient_scope"
            r"|the token server answers 40[13]"
        ),
        _LOG_IN,
    ),
    (re.compile(r"no token for (\S{1,255}): the token server is on plain http"), _INSECURE),
    (re.compile("server gave HTTP response to HTTPS client"), _PLAIN_HTTP),
    (re.compile(r"\bsecurity\.insecure is not allowed"), _GRANT.format("security.insecure")),
    (re.compile(r"\bnetwork\.host is not allowed"), _GRANT.format("network.host")),
    (re.compile("granting entitlement .* is not allowed by build daemon"), _GRANTED),
    (re.compile("no SSH key .* forwarded from the client|no SSH agent is forwarded under"), _FORWARD),
)


def hint_for(message: str) -> str | None:
    """Return a hint for a failure with this message from the daemon."""
    if "did not complete successfully" in message:
        return None  # a step's command, whatever its output says
    for pattern, hint in _HINTS:
        if found := pattern.search(message):
            return hint.format(*found.groups())
    return None


def excerpt_of(error: RpcError) -> str:
    """Return the lines of the Dockerfile that the daemon's error points at, empty if there are none."""
    for name, source in error.typed:
        if name != "errdefs.Source":
            continue
        try:
            info = source.get("info", {})
            ranges = [
                SourceRange(start_line=item["start"]["line"], end_line=item.get("end", item["start"])["line"])
                for item in source.get("ranges", [])
            ]
            text = excerpt(info.get("filename", ""), source_lines(b64decode(info.get("data", ""))), ranges)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # an excerpt is optional; a malformed one must not hide the error
        if text:
            return text
    return ""
