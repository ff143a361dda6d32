"""TLS contexts for token servers, by the registry that names them."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from router.errors import UsageError, os_reason
from router.model.build_options import RegistryTLS
from router.model.tls import TLSOptions
from router.net.tls_context import client_context, trust_anyone
from router.once import LentFiles, OneTimeFiles

__all__ = ["contexts"]


def contexts(entries: Sequence[RegistryTLS], files: OneTimeFiles | None = None) -> dict[str, ssl.SSLContext]:
    """Return a context for each host; what several entries say of one host adds up.

    The system's CAs stay trusted beside the given ones. Raises ``UsageError`` for a file that can't be used.
    """
    made: dict[str, ssl.SSLContext] = {}
    for entry in entries:
        if entry.host not in made:
            made[entry.host] = client_context(TLSOptions(), alpn=("http/1.1",))
        with LentFiles(files or OneTimeFiles()) as lent:
            _add(made[entry.host], entry, lent)
    return made


def _add(context: ssl.SSLContext, entry: RegistryTLS, lent: LentFiles) -> None:
    if entry.insecure:
        trust_anyone(context)
    try:
        if entry.ca:
            context.load_verify_locations(cafile=lent.path(entry.ca))
        if entry.cert:
            # A passphrase is not asked for: the empty one is tried.
            context.load_cert_chain(lent.path(entry.cert), lent.path(entry.key), password="")
    except OSError as exc:  # ssl's own errors among them
        files = ", ".join(path for path in (entry.ca, entry.cert, entry.key) if path)
        why = "they hold no certificate or key" if isinstance(exc, ssl.SSLError) else os_reason(exc)
        raise UsageError(
            f"can't use the TLS files for registry {entry.host} ({files}): {why}",
            hint="--registry-auth-tlscontext takes PEM files, a key without a passphrase",
        ) from exc
