"""A registry in memory that can be made to fail as real ones do: busy, forgetful, cut off, redirecting.

For the faults only; what goes well is tested with a real registry.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

__all__ = ["Answer", "FakeRegistry", "digest_of", "fake_registry"]


def digest_of(content: bytes) -> str:
    """Return the digest by which a registry knows some content."""
    return f"sha256:{sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Answer:
    """What is answered in place of what a registry would; ``cut`` breaks the connection off."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


Fault = Callable[[str, str], Answer | None]


@dataclass(kw_only=True)
class FakeRegistry:
    """``asked`` are methods and paths in their order, ``logins`` the Authorization of each.

    ``fault`` is asked before each answer. A PATCH that it cuts off keeps half of its bytes.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    fault: Fault = lambda _method, _path: None

    @property
    def host(self) -> str:
        """Its name in references."""
        return f"127.0.0.1:{self.port}"

    def put(self, reference: str, media_type: str, content: bytes) -> None:
        """Have a manifest under a tag, or its digest, and under its digest."""
        self.manifests[reference] = self.manifests[digest_of(content)] = (media_type, content)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer as a registry does."""
        where = urlsplit(path)
        if found := re.fullmatch(r"/v2/.+/manifests/(.+)", where.path):
            return self._manifest(found[1])
        if found := re.fullmatch(r"/v2/.+/blobs/(sha256:.+)", where.path):
            content = self.blobs.get(found[1])
            return Answer(404) if content is None else Answer(200, body=content)
        if found := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", where.path):
            return self._upload(method, where.path, parse_qs(where.query), body)
        return Answer(200)

    def _manifest(self, reference: str) -> Answer:
        if reference not in self.manifests:
            return Answer(404)
        media_type, content = self.manifests[reference]
        return Answer(200, {"Content-Type": media_type, "Docker-Content-Digest": digest_of(content)}, content)

    def _upload(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Answer:
        if method == "POST":
            here = f"{path}{len(self.uploads)}"
            self.uploads[here] = b""
            return Answer(202, {"Location": here})
        if path not in self.uploads:
            return Answer(404)
        self.uploads[path] += body
        at = {"Location": path, "Range": f"0-{max(len(self.uploads[path]) - 1, 0)}"}
        if method != "PUT":
            return Answer(204 if method == "GET" else 202, at)
        content = self.uploads.pop(path)
        if digest_of(content) != query["digest"][0]:
            return Answer(400)
        self.blobs[digest_of(content)] = content
        return Answer(201)


@contextmanager
def fake_registry(context: ssl.SSLContext | None = None) -> Iterator[FakeRegistry]:
    """Serve one on loopback, with ``context`` over TLS."""
    registry = FakeRegistry()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            registry.asked.append(f"{self.command} {self.path}")
            registry.logins.append(self.headers.get("Authorization", ""))
            answer = registry.fault(self.command, self.path)
            if answer is not None and answer.cut:
                kept = self.rfile.read(length // 2)
                if self.command == "PATCH":
                    registry.answer("PATCH", self.path, kept)
                self.close_connection = True
                return
            body = self.rfile.read(length)
            if answer is None and self.command == "PUT" and "/manifests/" in self.path:
                registry.put(self.path.rpartition("/")[2], self.headers["Content-Type"], body)
                answer = Answer(201)
            answer = answer or registry.answer(self.command, self.path, body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(OSError):  # too large for the client, which went away
                    self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
