"""``--secret``: a secret's id and where its value is. The value is not read here.

Messages never repeat what was given: who mistakes the syntax may have put the value itself there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.model.request import Secret
from router.notation.csv import format_pairs, parse_pairs
from router.notation.flag import Flag

__all__ = ["format_secret", "parse_secret", "parse_secrets"]

_FLAG = Flag(name="--secret", example="id=token,src=token.txt (or id=token,env=TOKEN)", secret=True)

_KEYS = {"id": "id", "src": "src", "source": "src", "env": "env", "type": "type"}


def parse_secrets(texts: Iterable[str], environment: Mapping[str, str]) -> tuple[Secret, ...]:
    """Parse several; the last of those with the same id counts, an empty text doesn't.

    Raises ``UsageError``.
    """
    secrets = (parse_secret(text, environment) for text in texts if text)
    return tuple({secret.id: secret for secret in secrets}.values())


def parse_secret(text: str, environment: Mapping[str, str]) -> Secret:
    """Parse ``id=,src=``, ``id=,env=``, ``id=,src=,type=env`` or ``id=`` alone. Raises ``UsageError``.

    An id alone names a variable of ``environment`` if that is set, else a file, as for buildx.
    """
    given: dict[str, str] = {}
    for key, value in parse_pairs(text, _FLAG):
        if key not in _KEYS:
            raise _FLAG.error(text, f"unknown key (the keys are {', '.join(_KEYS)})")
        given[_KEYS[key]] = value
    name, path, variable = given.get("id", ""), given.get("src", ""), given.get("env", "")
    if given.get("type", "file") not in {"file", "env"}:
        raise _FLAG.error(text, "type must be file or env")
    if not name:
        raise _FLAG.error(text, "the key id is missing")
    if given.get("type") == "env" and not variable:
        path, variable = "", path
    if path and variable:
        raise _FLAG.error(text, f"the secret {name} has both src and env")
    if variable or (not path and name in environment):
        return Secret(id=name, env=variable or name)
    return Secret(id=name, path=path or name)


def format_secret(secret: Secret) -> str:
    """Return the text that ``parse_secret`` reads as ``secret``."""
    where = {"src": secret.path or ""} if secret.env is None else {"env": secret.env}
    return format_pairs({"id": secret.id, **where})
