"""What a registry has under a name: its manifest, asked for as the docker CLI would, with the same logins."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from router.errors import DialError
from router.model.build_options import RegistryTLS
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.net.web import WebRequest, fetch
from router.notation.loopback import is_loopback
from router.notation.tag import Reference
from router.providers.registry_auth import RegistryAuth
from router.providers.registry_tls import contexts
from router.providers.registry_token import TokenError, TokenRequest

__all__ = ["Registries"]

# Where Docker Hub's registry really is.
_HUB = "registry-1.docker.io"
_ACCEPTED = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_PARAMETER = r'(\w+)="([^"]*)"'


@frozen
class Registries:
    """Asks registries. ``insecure`` allows plain HTTP and any certificate, as ``registry.insecure`` does."""

    environment: Mapping[str, str]
    insecure: bool = False

    def manifest(self, reference: Reference, deadline: Deadline) -> bytes | None:
        """Return the manifest or index that a tag names, as it was pushed; None where there is none.

        Raises ``DialError`` where the registry can't be asked or refuses, ``UsageError`` and ``ToolError``
        for what is wrong with the docker config.
        """
        reply = self._get(reference, deadline)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise DialError(f"the registry {reference.domain} answers {reply.status} {reply.phrase}")
        return reply.body

    def _get(self, reference: Reference, deadline: Deadline) -> Reply:
        failed: DialError | None = None
        for base in self._bases(reference.domain):
            try:
                return self._authorized(base, reference, deadline)
            except DialError as exc:
                failed = failed or exc
        assert failed is not None
        raise failed

    def _bases(self, domain: str) -> tuple[str, ...]:
        host = _HUB if domain == "docker.io" else domain
        if is_loopback(domain):
            return (f"http://{host}", f"https://{host}")
        return (f"https://{host}", f"http://{host}") if self.insecure else (f"https://{host}",)

    def _authorized(self, base: str, reference: Reference, deadline: Deadline) -> Reply:
        url = f"{base}/v2/{reference.path}/manifests/{reference.tag or 'latest'}"
        reply = self._send(WebRequest(url=url, headers=_HEADERS), deadline)
        if reply.status != 401:
            return reply
        challenge = reply.headers.get("www-authenticate", "")
        return self._send(
            WebRequest(url=url, headers=_HEADERS, authorization=self._answer(challenge, reference.domain)),
            deadline,
        )

    def _send(self, request: WebRequest, deadline: Deadline) -> Reply:
        context = None
        if self.insecure and request.url.startswith("https:"):
            context = contexts([RegistryTLS(host="any", insecure=True)])["any"]
        return fetch(request, self.environment, deadline, context)

    def _answer(self, challenge: str, host: str) -> str:
        """Return the Authorization that a challenge asks for, empty where nothing is known to give."""
        trusted = (RegistryTLS(host=host, insecure=True),) if self.insecure else ()
        with RegistryAuth(self.environment, trusted) as auth:
            return _authorization(auth, challenge, host)


_HEADERS = (("Accept", ", ".join(_ACCEPTED)),)


def _authorization(auth: RegistryAuth, challenge: str, host: str) -> str:
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        login = ":".join(auth.credentials(host)).encode()
        return f"Basic {base64.b64encode(login).decode()}" if login != b":" else ""
    said = dict(re.findall(_PARAMETER, rest))
    if scheme.lower() != "bearer" or not said.get("realm"):
        return ""
    request = TokenRequest(
        host=host,
        realm=said["realm"],
        service=said.get("service", ""),
        scopes=(said["scope"],) if said.get("scope") else (),
    )
    try:
        return f"Bearer {auth.fetch_token(request).value}"
    except TokenError as exc:
        raise DialError(str(exc)) from exc
