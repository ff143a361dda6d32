"""The files that a request names and a program would open by itself; how it gets those that it can't.

A descriptor of this process means nothing to a program, or something else; a pipe is empty by the time that
it looks. See ``router.once``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from router.backends import BackendContext
from router.errors import UsageError, os_reason
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest
from router.once import LentFiles

__all__ = ["Lent", "lend"]


@frozen
class Lent:
    """A build as a program is to be told of it."""

    request: BuildRequest
    context: BackendContext


@contextmanager
def lend(request: BuildRequest, context: BackendContext) -> Iterator[Lent]:
    """Yield both with the paths that a program can open, as long as it inherits ``context.lent``.

    Raises ``UsageError`` for a file that can't be read.
    """
    tls = context.dial.tls
    with LentFiles(context.files) as files, LentFiles(context.dial.files) as of_dial:
        paths = _lent(request.files, files)
        dial_paths = _lent(tls.files if tls is not None else (), of_dial)
        lent = (*files.descriptors, *of_dial.descriptors)
        if not lent:
            yield Lent(request=request, context=context)
            return
        if tls is not None:
            ca, cert, key = (dial_paths.get(path or "") for path in (tls.ca, tls.cert, tls.key))
            tls = replace(tls, ca=ca, cert=cert, key=key)
            context = replace(context, dial=replace(context.dial, tls=tls))
        yield Lent(request=_with_paths(request, paths), context=replace(context, lent=lent))


def _lent(paths: Iterable[str], files: LentFiles) -> Mapping[str, str]:
    lent: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        try:
            lent[path] = files.path(path)
        except OSError as exc:
            raise UsageError(f"can't read {path}: {os_reason(exc)}", hint=f"ls -l {path}") from exc
    return lent


def _with_paths(request: BuildRequest, paths: Mapping[str, str]) -> BuildRequest:
    return replace(
        request,
        secrets=tuple(
            secret if secret.path is None else replace(secret, path=paths[secret.path])
            for secret in request.secrets
        ),
        ssh=tuple(replace(agent, paths=tuple(map(paths.__getitem__, agent.paths))) for agent in request.ssh),
        registry_tls=tuple(
            replace(tls, ca=paths.get(tls.ca, ""), cert=paths.get(tls.cert, ""), key=paths.get(tls.key, ""))
            for tls in request.registry_tls
        ),
    )
