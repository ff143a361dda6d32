"""An API server, or a pod behind it, that talks without end and says nothing: deadlines and memory hold."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import DialError
from router.rpc.channel import Channel
from router.transport import dial
from router.transport.options import DialOptions
from tests.wire.transport.api_server import ApiServer, Exec
from tests.wire.transport.peers import peer

_SECONDS = 1.0
_FLOODS = {
    "pings": (b"", b"\x89\x04ping"),
    "empty messages": (b"", b"\x82\x00"),
    "empty fragments": (b"\x02\x00", b"\x00\x00"),
    "tiny fragments": (b"\x02\x00", b"\x00\x01a"),
    "a channel that nobody has": (b"", b"\x82\x02\x63x"),
    "stderr": (b"", b"\x82\x02\x02x"),
}


@pytest.mark.parametrize("flood", _FLOODS)
@pytest.mark.parametrize("way", ["exec", "port-forward"])
def test_a_flood_holds_up_no_deadline_and_fills_no_memory(tmp_path: Path, way: str, flood: str) -> None:
    begin, again = _FLOODS[flood]

    def command(far: Exec) -> None:
        far.sock.sendall(begin)
        while True:  # until the client hangs up
            far.sock.sendall(again * 10_000)

    server = ApiServer(tmp_path, command=command, protocol="v4.channel.k8s.io")
    with peer(server.handle) as port:
        options = DialOptions(timeout=5, kubeconfig=server.kubeconfig(port, scheme="http"))
        with Channel(dial(parse_address(f"kube-pod://b-0?via={way}"), options), peer="b-0") as channel:
            tracemalloc.start()
            begun = time.monotonic()
            try:
                # Fragments end it sooner: their message becomes too large.
                with pytest.raises(DialError, match="did not answer"):
                    channel.handshake(_SECONDS)
                taken, peak = time.monotonic() - begun, tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    # Without a bound it never ends; how busy the machine is is not the point.
    assert taken < 20 * _SECONDS
    assert peak < 40_000_000
