"""TLS contexts, of clients and of our one server: the only module that makes them.

They share the defaults of buildctl, docker and kubectl, which are Go programs. Callers know where their
certificates come from; files that options name are loaded here.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence

from router.errors import UsageError
from router.model.tls import TLSOptions
from router.net.sockets import describe_os_error
from router.once import LentFiles, OneTimeFiles

__all__ = ["bare_context", "client_context", "load_pair", "pem_files", "server_context", "trust_anyone"]

_FILES = "--tls-ca, --tls-cert and --tls-key name the files, --tls-dir a directory with all three"


def bare_context(alpn: Sequence[str]) -> ssl.SSLContext:
    """Return a client's context that trusts no CA yet."""
    return _with_basics(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), alpn)


def _with_basics(context: ssl.SSLContext, alpn: Sequence[str]) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As in Go: an intermediate CA may be the trusted one.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(list(alpn))
    return context


def trust_anyone(context: ssl.SSLContext) -> None:
    """Turn off the check of the server's certificate."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


def client_context(
    options: TLSOptions, *, alpn: Sequence[str] = ("h2",), files: OneTimeFiles | None = None
) -> ssl.SSLContext:
    """Make a context as buildctl does: if ``ca`` is given, only it is trusted, else the system's CAs.

    Raises UsageError if a file is missing or invalid.
    """
    context = bare_context(alpn)
    with LentFiles(files or OneTimeFiles()) as lent:  # OpenSSL opens files by their paths too
        if options.ca is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            _load_ca(context, options.ca, lent)
        if options.cert is not None and options.key is not None:
            _load_pair_of_files(context, (options.cert, options.key), lent)
    if (options.cert is None) != (options.key is None):
        given, missing = ("certificate", "key") if options.cert is not None else ("key", "certificate")
        raise UsageError(
            f"a TLS client {given} was given without its {missing}", hint="--tls-cert and --tls-key"
        )
    return context


def server_context(options: TLSOptions, *, files: OneTimeFiles | None = None) -> ssl.SSLContext:
    """Make a server's context, which shows ``cert`` and asks clients for a certificate signed by ``ca``.

    Raises UsageError if a file is missing or invalid.
    """
    if options.ca is None or options.cert is None or options.key is None:
        raise UsageError("a TLS server needs a CA, a certificate and its key")
    context = _with_basics(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ("h2",))
    context.verify_mode = ssl.CERT_REQUIRED
    with LentFiles(files or OneTimeFiles()) as lent:
        _load_ca(context, options.ca, lent)
        _load_pair_of_files(context, (options.cert, options.key), lent)
    return context


def pem_files(options: TLSOptions, files: OneTimeFiles) -> tuple[bytes, bytes | None, bytes | None]:
    """Return the CAs, the certificate and its key, all in PEM form, for a TLS engine without contexts.

    Raises UsageError as ``client_context`` does.
    """
    context = client_context(options, files=files)
    if options.ca is not None:
        trusted = files.read(options.ca)
    else:
        trusted = "".join(map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True))).encode()
    cert, key = (files.read(path) if path else None for path in (options.cert, options.key))
    return trusted, cert, key


def load_pair(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    """Load a certificate and its key, in PEM form; an encrypted key is refused. Raises ssl.SSLError.

    OpenSSL reads them only from a file, so here is one in memory.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        path = f"/proc/self/fd/{descriptor}"
    else:
        import tempfile  # slow to load, and not needed on Linux

        descriptor, path = tempfile.mkstemp()
    try:
        with open(descriptor, "wb") as file:
            file.write(cert.rstrip() + b"\n" + key.rstrip() + b"\n")
            file.flush()
            context.load_cert_chain(path, password=lambda: "")
    finally:
        if not path.startswith("/proc/"):
            os.unlink(path)


def _load_ca(context: ssl.SSLContext, path: str, lent: LentFiles) -> None:
    try:
        context.load_verify_locations(cafile=lent.path(path))
    except ssl.SSLError as exc:
        raise UsageError(f"the TLS CA file {path} holds no certificate in PEM form", hint=_FILES) from exc
    except OSError as exc:
        raise UsageError(f"can't read the TLS CA file {path}: {describe_os_error(exc)}", hint=_FILES) from exc


def _load_pair_of_files(context: ssl.SSLContext, pair: tuple[str, str], lent: LentFiles) -> None:
    cert, key = pair

    def refuse_passphrase() -> str:
        # Otherwise OpenSSL would stop and ask on the terminal.
        raise UsageError(f"the TLS key {key} is encrypted", hint="give a key without a passphrase")

    try:
        context.load_cert_chain(lent.path(cert), lent.path(key), refuse_passphrase)
    except ssl.SSLError as exc:
        raise UsageError(
            f"the TLS certificate {cert} and key {key} can't be used: {exc.reason or 'not in PEM form'}",
            hint="check that they belong together and are PEM files",
        ) from exc
    except OSError as exc:
        raise UsageError(
            f"can't read the TLS certificate {cert} or key {key}: {describe_os_error(exc)}", hint=_FILES
        ) from exc
