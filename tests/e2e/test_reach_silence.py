"""A peer that vanishes without a word, on every path: noticed within 20 seconds, never later."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from router import ConnectionLostError, TLSOptions
from router.address import parse_address
from router.net.stream import ByteStream
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.servers import binaries
from tests.servers.buildkitd import start_buildkitd
from tests.servers.certs import CA
from tests.servers.cluster import Cluster
from tests.servers.sshd import HOST, start_sshd

pytestmark = pytest.mark.xdist_group("cluster")

NOTICED_WITHIN = 20.0


Vanish = Callable[[ByteStream], None]


@dataclass(frozen=True, kw_only=True)
class Way:
    """An address, how it is dialled, and how its far end vanishes."""

    address: str
    options: DialOptions
    vanish: Vanish


@contextmanager
def ways(cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path) -> Iterator[Mapping[str, Way]]:
    """Yield every way by its name, and how to make its far end vanish."""
    authority = CA()
    remote = f"{binaries.buildctl().parent}:/usr/bin:/bin"
    with ExitStack() as stack:
        plain, frozen = (
            stack.enter_context(start_buildkitd(tmp_path / name)) for name in ("plain", "frozen")
        )
        secured = stack.enter_context(start_buildkitd(tmp_path / "secured", tls=authority, unix=False))
        sshd = stack.enter_context(start_sshd(tmp_path / "sshd", remote_path=remote))
        tls_dir = authority.write_tls_dir(tmp_path / "client", authority.client())
        tls = TLSOptions(
            ca=str(tls_dir / "ca.pem"), cert=str(tls_dir / "cert.pem"), key=str(tls_dir / "key.pem")
        )
        kubernetes = DialOptions(kubeconfig=str(cluster.kubeconfig))
        drop = _Drop(stack)
        yield {
            "tcp": Way(address=plain.address, options=DialOptions(), vanish=drop.connection),
            "tls": Way(address=secured.address, options=DialOptions(tls=tls), vanish=drop.connection),
            "ssh": Way(
                address=f"ssh://{HOST}{plain.socket}",
                options=DialOptions(environment={"PATH": sshd.path}),
                vanish=drop.child,
            ),
            "unix": Way(
                address=frozen.unix_address, options=DialOptions(), vanish=lambda _stream: frozen.freeze()
            ),
            **{
                via: Way(
                    address=f"kube-pod://{fleet[number]}?via={via}",
                    options=kubernetes,
                    vanish=drop.connection,
                )
                for number, via in enumerate(("exec", "port-forward", "pod-ip"))
            },
        }
        frozen.thaw()


class _Drop:
    """Drops the packets of connections, until the stack is left."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def connection(self, stream: ByteStream) -> None:
        """Drop what a stream's own socket sends and what is sent to it."""
        with socket.socket(fileno=socket.dup(stream.fileno())) as own:
            self._port(own.getsockname()[1])

    def child(self, _stream: ByteStream) -> None:
        """Drop the packets of the ssh that was started for a stream."""
        (ssh,) = [each for each in psutil.Process().children(recursive=True) if _name(each) == "ssh"]
        (connection,) = ssh.net_connections("tcp")
        self._port(connection.laddr.port)

    def _port(self, port: int) -> None:
        for chain, side in (("OUTPUT", "--sport"), ("INPUT", "--dport")):
            rule = (chain, "--protocol", "tcp", side, str(port), "--jump", "DROP")
            _iptables("--insert", *rule)
            self._stack.callback(_iptables, "--delete", *rule)


def _name(process: psutil.Process) -> str:
    """Return a process's name, none where it has ended: other threads run iptables meanwhile."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _iptables(*arguments: str) -> None:
    subprocess.run(["iptables", "--wait", *arguments], check=True, timeout=20)


def seconds_until_lost(way: Way, ready: threading.Barrier, seconds: dict[str, float], name: str) -> None:
    """Connect, let the far end vanish, and note how long it takes until that is noticed."""
    stream = dial(parse_address(way.address), way.options)
    with Channel(stream, peer=name) as channel:
        Control(channel).list_workers(timeout=20)
        ready.wait(60)
        way.vanish(stream)
        began = time.monotonic()
        with pytest.raises(ConnectionLostError, match="silent"):
            channel.run(lambda: False, timeout=60)
        seconds[name] = time.monotonic() - began


def test_a_vanished_peer_is_noticed_in_time_on_every_path(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path
) -> None:
    seconds: dict[str, float] = {}
    with ways(cluster, fleet, tmp_path) as known:
        ready = threading.Barrier(len(known))
        threads = [
            threading.Thread(target=seconds_until_lost, args=(way, ready, seconds, name))
            for name, way in known.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)

    assert set(seconds) == set(known)
    assert {name: took for name, took in seconds.items() if took > NOTICED_WITHIN} == {}
