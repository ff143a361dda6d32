"""What file systems are known by."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.fstransfer import mounts
from router.fstransfer.mounts import identity, is_image, kind_of

MOUNTINFO = b"""\
22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw
128 28 7:0 / /snap/a\\040-\\040b ro,nodev,relatime - squashfs /dev/loop0 ro
129 28 7:1 / /mnt ro,nodev,relatime shared:1 master:2 - fuse.squashfuse squashfuse ro
"""


@pytest.mark.parametrize(
    ("mount", "kind", "image"),
    [
        (b"22", b"sysfs", False),
        (b"28", b"ext4", False),
        (b"128", b"squashfs", True),
        (b"129", b"fuse.squashfuse", True),
        (b"8", b"", False),
    ],
)
def test_the_type_of_a_mount_says_whether_it_is_an_image(mount: bytes, kind: bytes, image: bool) -> None:
    assert kind_of(MOUNTINFO, mount) == kind
    assert is_image(kind) is image


@pytest.mark.parametrize("kind", [b"squashfs", b"erofs", b"iso9660", b"cramfs", b"romfs", b"udf"])
def test_packed_images_are_known_by_their_type(kind: bytes) -> None:
    assert is_image(kind)


def test_an_ordinary_file_system_has_an_identity_that_stays(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    found = set()
    for path in (tmp_path, tmp_path / "inner", tmp_path):
        directory = os.open(path, os.O_RDONLY)
        found.add(identity(directory))
        os.close(directory)

    assert len(found) == 1
    assert None not in found


def test_the_kernel_is_asked_for_the_mount_of_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"/proc/self/fdinfo/7": b"pos:\t0\nflags:\t0\nmnt_id:\t128\n", "/proc/self/mountinfo": MOUNTINFO}
    monkeypatch.setattr(mounts, "_read", texts.__getitem__)

    assert identity(7) is None
