"""What is read out of other programs' output and the kernel's files."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

import pytest

from tests.servers.debian import not_installed
from tests.servers.golang import parse_version
from tests.servers.images import shared_libraries
from tests.servers.kernel import mount_points, parse_routes
from tests.servers.kubernetes_recipe import staging_modules, staging_version, version_flags
from tests.servers.oci import familiar
from tests.servers.shims import reports_into
from tests.servers.traces import start_time


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.27rc1 linux/amd64", (1, 27)),
        ("command not found", ()),
    ],
)
def test_the_version_of_go(printed: str, version: tuple[int, ...]) -> None:
    assert parse_version(printed) == version


def test_packages_that_dpkg_does_not_call_installed_are_missing() -> None:
    listing = "installed gcc\nconfig-files docker.io\n"

    assert not_installed(("gcc", "docker.io", "uidmap"), listing) == ("docker.io", "uidmap")


def test_staging_modules_are_those_without_a_version() -> None:
    go_mod = (
        "require (\n\tk8s.io/api v0.0.0\n\tk8s.io/klog/v2 v2.140.0\n\tk8s.io/utils v0.0.0-20260210-b8\n)\n"
    )

    assert staging_modules(go_mod) == ("k8s.io/api",)
    assert staging_version("v1.36.3") == "v0.36.3"


def test_kubernetes_is_told_its_version() -> None:
    assert "-X k8s.io/component-base/version.gitMinor=36" in version_flags("v1.36.3")


def test_mount_points_keep_their_order_and_their_blanks() -> None:
    mountinfo = (
        "22 1 254:0 / / rw - ext4 /dev/vda rw\n"
        "40 22 0:30 / /tmp/a\\040b rw - overlay overlay rw\n"
        "41 40 0:31 / /tmp/a\\040b/c rw - tmpfs none rw\n"
    )

    assert mount_points(mountinfo) == [Path("/"), Path("/tmp/a b"), Path("/tmp/a b/c")]


def test_routes_are_read_lowest_byte_first_without_the_default() -> None:
    table = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br0\t0000890A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )

    assert parse_routes(table) == [ipaddress.IPv4Network("10.137.0.0/24")]


def test_libraries_of_a_program() -> None:
    listing = (
        "\tlinux-vdso.so.1 (0x00007ffc)\n"
        "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)\n"
    )

    assert shared_libraries(listing) == ("/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2")


@pytest.mark.parametrize(
    ("argv", "ours"),
    [
        (("shim", "-namespace", "moby", "-address", "/tmp/x/containerd.sock"), True),
        (("shim", "-address", "/tmp/x/y/containerd.sock"), False),
        (("grep", "/tmp/x/containerd.sock"), False),
        (("shim", "-address"), False),
    ],
)
def test_a_shim_is_ours_when_it_reports_to_our_containerd(argv: tuple[str, ...], ours: bool) -> None:
    assert reports_into(argv, Path("/tmp/x")) is ours


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("docker.io/library/busybox:latest", "busybox:latest"),
        ("docker.io/moby/buildkit:v1", "moby/buildkit:v1"),
        ("127.0.0.1:5000/a:1", "127.0.0.1:5000/a:1"),
    ],
)
def test_names_as_docker_shows_them(reference: str, name: str) -> None:
    assert familiar(reference) == name


def test_a_start_time_tells_one_process_from_the_next_with_its_id() -> None:
    assert start_time(os.getpid()).isdigit()
    assert start_time(2**22 + 1) == ""
