"""What is an archive by its first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.notation.archive import HEADER_SIZE, is_archive, is_plain_archive


def tar(format_: int = tarfile.USTAR_FORMAT, name: str = "Dockerfile", data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def python_reads(data: bytes) -> bool:
    try:
        with tarfile.open(fileobj=io.BytesIO(data)):
            return True
    except tarfile.TarError:
        return False


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (tar(), True),
        (tar(tarfile.GNU_FORMAT), True),
        (tar(tarfile.PAX_FORMAT), True),
        (gzip.compress(tar()), True),
        (bz2.compress(tar()), True),
        (lzma.compress(tar()), True),
        (b"\x28\xb5\x2f\xfd\x00", False),
        (b"\x5a\x2a\x4d\x18\x00\x00\x00\x00", False),
        (tar(tarfile.GNU_FORMAT, name="long/" * 30 + "name"), False),
        (tar(tarfile.PAX_FORMAT, name="long/" * 60 + "name"), False),
    ],
    ids=[  # the time stands in a gzip file, and xdist compares the names
        *("tar", "GNU", "PAX", "gzip", "bzip2", "xz"),
        *("zstd", "a frame to skip", "a long name of GNU", "a long name of PAX"),
    ],
)
def test_archives_are_known(data: bytes, plain: bool) -> None:
    assert is_archive(data[:HEADER_SIZE])
    assert is_plain_archive(data[:HEADER_SIZE]) == plain


def test_an_old_tar_that_adds_signed_bytes_is_known() -> None:
    data = bytearray(tar())
    data[:3] = b"\xe9\xe9\xe9"
    rest = data[:148] + b" " * 8 + data[156:512]
    data[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in rest)

    assert is_archive(bytes(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"FROM scratch\n", b"\0" * HEADER_SIZE, b"PK\x03\x04", b"\x1f\x8b", tar()[:511], b" " * 1024],
)
def test_what_is_no_archive_is_not_taken_for_one(data: bytes) -> None:
    assert not is_archive(data)
    assert not is_plain_archive(data)


@given(st.binary(max_size=HEADER_SIZE))
def test_anything_may_come(data: bytes) -> None:
    assert is_archive(data) >= is_plain_archive(data)


@given(st.integers(0, 511), st.integers(1, 255))
@example(155, 1)  # behind the NUL that ends the checksum
def test_a_header_with_a_wrong_byte_is_no_tar(position: int, change: int) -> None:
    header = bytearray(tar())
    header[position] ^= change

    assert is_archive(bytes(header)) == python_reads(bytes(header))


@given(st.text(max_size=2000))
def test_text_is_no_archive(text: str) -> None:
    data = text.encode("utf-8", "replace")
    if not data.startswith((b"BZh", b"\x1f\x8b\x08")):
        assert not is_archive(data[:HEADER_SIZE]) or data[257:262] == b"ustar"
