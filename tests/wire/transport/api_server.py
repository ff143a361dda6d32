"""A pretended Kubernetes API server, for what a real one can't be made to do.

The real one is in tests/e2e.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from router.net.websocket import accept_of
from tests.servers.certs import CA
from tests.wire.transport.peers import Handler, read_head, tls

Channel = tuple[int, bytes]


@dataclass
class Exec:
    """The far end of a pods/exec: frames as the API server sends and reads them."""

    sock: socket.socket

    def write(self, channel: int, data: bytes) -> None:
        """Send one message on a channel."""
        self.raw(0x2, bytes([channel]) + data)

    def raw(self, opcode: int, payload: bytes) -> None:
        """Send one frame."""
        size = len(payload)
        if size < 126:
            head = bytes([0x80 | opcode, size])
        elif size < 65536:
            head = bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big")
        self.sock.sendall(head + payload)

    def end(self, status: dict[str, object]) -> None:
        """Send the command's status, and the farewell."""
        self.write(3, json.dumps(status).encode())
        self.raw(0x8, (1000).to_bytes(2, "big"))

    def read(self) -> tuple[int, bytes]:
        """Return the opcode and the unmasked payload of the next frame."""
        first, second = self._exactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
        mask = self._exactly(4)
        assert second & 0x80
        payload = self._exactly(size)
        if any(mask):
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        return first & 0x0F, payload

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data


@dataclass
class ApiServer:
    """Answers each request with ``command`` if it asks for an upgrade, else with ``reply``."""

    directory: Path
    command: Callable[[Exec], None] | None = None
    reply: bytes = b""
    protocol: str = "v5.channel.k8s.io"
    accept: str | None = None
    ca: CA = field(default_factory=CA)
    heads: list[str] = field(default_factory=list)

    def secure(self, *, clients: bool = False) -> Handler:
        """Return the handler of its connections, over TLS; ``clients`` requires a client certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ca.server(["kubernetes", "127.0.0.1"]).write(self.directory, "api"))
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.ca.pem.decode())
        return tls(context, self.handle)

    def handle(self, sock: socket.socket) -> None:
        """Serve one connection."""
        head = read_head(sock).decode()
        self.heads.append(head)
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n"))
        }
        if self.command is None or "upgrade" not in headers:
            sock.sendall(self.reply)
            return
        accept = self.accept or accept_of(headers["sec-websocket-key"])
        sock.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {self.protocol}\r\n\r\n".encode()
        )
        self.command(Exec(sock))

    def kubeconfig(self, port: int, *, scheme: str = "https", **cluster: object) -> str:
        """Write a kubeconfig for this server; return its path."""
        ca = base64.b64encode(self.ca.pem).decode()
        client = self.ca.client("jane")
        config = {
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "ci"}}],
            "clusters": [
                {
                    "name": "c",
                    "cluster": {
                        "server": f"{scheme}://127.0.0.1:{port}",
                        "certificate-authority-data": ca,
                        **cluster,
                    },
                }
            ],
            "users": [
                {
                    "name": "u",
                    "user": {
                        "token": "sesame",
                        "client-certificate-data": base64.b64encode(client.cert).decode(),
                        "client-key-data": base64.b64encode(client.key).decode(),
                    },
                }
            ],
        }
        path = self.directory / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)


def http(status: str, body: object) -> bytes:
    """Return an answer with a JSON body."""
    encoded = json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(encoded)}\r\n\r\n".encode() + encoded
