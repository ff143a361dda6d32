"""The daemons behind a name: a real DNS server, and buildkitd on several loopback addresses."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import BIN, Installed
from tests.servers.buildkitd import Buildkitd
from tests.servers.dnsmasq import Dnsmasq

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /hello\n", "hello": "hello\n"}
NAME = "buildkitd.ci.svc.cluster.test"


def headless(ports: list[int]) -> list[str]:
    """Return the records of a headless Service whose pods all have 127.0.0.1, each with its port."""
    return [
        record
        for number, port in enumerate(ports)
        for record in (
            f"host-record=b-{number}.{NAME},127.0.0.1",
            f"srv-host=_buildkit._tcp.{NAME},b-{number}.{NAME},{port}",
        )
    ]


@pytest.fixture
def dns(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Iterator[Dnsmasq]:
    """A server that knows three daemons by SRV records, and others by addresses alone."""
    ports = [daemon.port for daemon in buildkitd_three if daemon.port]
    others = (
        "host-record=plain.test,127.0.0.2",
        "host-record=plain.test,127.0.0.3",
        "host-record=plain.test,::1",
        "host-record=host-a.named.test,127.0.1.1",
        "host-record=host-b.named.test,127.0.1.2",
        "address=/named.test/127.0.1.1",
        "host-record=lone.test,127.0.0.9",
    )
    with Dnsmasq(tmp_path / "dns", [*headless(ports), *others], hosts="127.0.0.4 moving.test\n") as server:
        yield server


def names(dns: Dnsmasq, address: str, *routing: str) -> dict[str, str]:
    """Return the daemons that an address stands for, by name, with their own addresses."""
    url = f"{address}?server={dns.address}"
    listed = Installed().ok("where", "--addr", url, "--format", "json", *routing, "--key=any").json
    return {each["name"]: each["address"] for each in listed["order"]}


def test_srv_records_name_the_daemons_and_their_ports(
    dns: Dnsmasq, buildkitd_three: tuple[Buildkitd, ...]
) -> None:
    assert names(dns, f"dns://{NAME}") == {
        f"b-{number}": f"tcp://127.0.0.1:{daemon.port}?server-name=b-{number}.{NAME}"
        for number, daemon in enumerate(buildkitd_three)
    }


def test_builds_go_to_the_same_daemon_as_by_the_pods_names(
    dns: Dnsmasq, buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path
) -> None:
    context = write_tree(tmp_path / "context", HELLO)
    by_hand = ",".join(f"b-{number}={daemon.address}" for number, daemon in enumerate(buildkitd_three))
    url = f"dns://{NAME}?server={dns.address}"
    for key in ("one", "two", "three", "four"):
        expected = Installed().ok("where", "--addr", by_hand, "--format", "json", "--key", key).json["home"]
        done = Installed().ok("build", "--addr", url, "--key", key, "-v", context)
        assert done.daemon == expected


def test_ls_asks_all_daemons_behind_a_name(dns: Dnsmasq) -> None:
    url = f"dns://{NAME}?server={dns.address}"
    listed = Installed().ok("ls", "--addr", url, "--format", "json").json
    assert [(each["name"], each["state"]) for each in listed] == [(f"b-{n}", "ready") for n in range(3)]


def test_addresses_without_names_are_daemons_of_one_family(dns: Dnsmasq) -> None:
    assert names(dns, "dns://plain.test:99") == {
        ip: f"tcp://{ip}:99?server-name=plain.test" for ip in ("127.0.0.2", "127.0.0.3")
    }


def test_a_reverse_name_is_a_daemons_name(dns: Dnsmasq) -> None:
    assert names(dns, "dns://named.test") == {"host-a": "tcp://127.0.1.1:1234?server-name=host-a.named.test"}


def test_a_name_that_is_given_stands_before_those_that_are_found(dns: Dnsmasq) -> None:
    assert sorted(names(dns, f"lab=dns://{NAME}")) == ["lab/b-0", "lab/b-1", "lab/b-2"]


def test_each_listing_asks_anew(dns: Dnsmasq) -> None:
    assert names(dns, "dns://moving.test") == {"127.0.0.4": "tcp://127.0.0.4:1234?server-name=moving.test"}
    dns.hosts.write_text("127.0.0.5 moving.test\n127.0.0.6 moving.test\n")
    dns.signal(signal.SIGHUP)
    wait_for(lambda: len(names(dns, "dns://moving.test")) == 2, "the server has read its hosts again")


def test_a_name_that_is_not_known_is_told(dns: Dnsmasq) -> None:
    done = Installed().run("where", "--addr", f"dns://nobody.test?server={dns.address}", "--key=any")
    assert done.code == 69
    assert "can't resolve nobody.test: the name is not known" in done.stderr


def test_a_server_that_stays_silent_is_told_in_time(tmp_path: Path) -> None:
    with Dnsmasq(tmp_path / "dns", []) as silent:
        silent.freeze()
        url = f"dns://{NAME}?server={silent.address}"
        done = Installed().run("where", "--addr", url, "--connect-timeout", "2", "--key=any")
        silent.signal(signal.SIGCONT)
    assert done.code == 69
    assert f"{silent.address} does not answer" in done.stderr
    assert done.seconds < 8


@contextmanager
def network_with_resolver(name: str, nameserver: str) -> Iterator[None]:
    """Make a network namespace whose programs see a resolv.conf of their own."""
    folder = Path("/etc/netns") / name
    folder.mkdir(parents=True)
    (folder / "resolv.conf").write_text(f"nameserver {nameserver}\nsearch svc.cluster.test cluster.test\n")
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, timeout=20)
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True, timeout=20)
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, timeout=20)
        shutil.rmtree(folder)


def test_the_machines_own_resolver_and_its_search_list_are_used(tmp_path: Path) -> None:
    network = f"warmroute-{os.getpid()}"
    config = tmp_path / "dnsmasq.conf"
    lines = ("port=53", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts", "user=root")
    config.write_text("\n".join([*lines, "local=/#/", "pid-file=", *headless([1001, 1002]), ""]))
    inside = ("ip", "netns", "exec", network)
    with network_with_resolver(network, "127.0.0.1"):
        server = subprocess.Popen([*inside, "dnsmasq", "--keep-in-foreground", f"--conf-file={config}"])
        try:
            url = "dns://buildkitd.ci"
            command = [*inside, str(BIN / "warmroute"), "where", "--addr", url, "--key=any"]
            variables = Installed().variables

            def listed() -> str:
                done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
                return done.stdout

            wait_for(lambda: "b-1" in listed(), "the server answers")
            assert f"tcp://127.0.0.1:1001?server-name=b-0.{NAME}" in listed()
        finally:
            server.terminate()
            server.wait(10)
