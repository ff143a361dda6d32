"""``--platform``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.platform import format_platforms, normalize, parse_platform, parse_platforms
from tests.unit.specs.refused import refused

_LOCAL = "linux/aarch64"
_PLATFORMS = st.builds(
    lambda *parts: "/".join(filter(None, parts)),
    st.sampled_from(["linux", "windows", "macos", "FreeBSD"]),
    st.sampled_from(["amd64", "x86_64", "arm64", "aarch64", "arm", "armhf", "armel", "riscv64", "i386"]),
    st.sampled_from(["", "v1", "v2", "v7", "7", "v8", "8", "V3"]),
)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("Linux/AMD64", "linux/amd64"),
        ("macos/arm64", "darwin/arm64"),
        ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
        ("amd64", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("armhf", "linux/arm/v7"),
        ("riscv64", "linux/riscv64"),
        ("linux", "linux/arm64"),
        ("windows", "windows/arm64"),
        ("local", "linux/arm64"),
        ("LOCAL", "linux/arm64"),
    ],
)
def test_a_platform_has_one_name(text: str, platform: str) -> None:
    assert parse_platform(text, local=_LOCAL) == platform


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a platform is os/arch or os/arch/variant"),
        ("linux/", "a platform is os/arch or os/arch/variant"),
        ("linux/amd64/v1/x", "a platform is os/arch or os/arch/variant"),
        ("linux/*", "a platform is os/arch or os/arch/variant"),
        ("linux amd64", "a platform is os/arch or os/arch/variant"),
        ("vax", "unknown operating system or architecture"),
    ],
)
def test_a_wrong_platform_is_refused(text: str, why: str) -> None:
    error = refused(lambda: parse_platform(text, local=_LOCAL))

    assert str(error) == f'invalid --platform "{text}": {why}'


def test_lists_are_joined_and_each_platform_counts_once() -> None:
    platforms = parse_platforms(["linux/amd64,arm64", "linux/x86_64"], local=_LOCAL)

    assert platforms == ("linux/amd64", "linux/arm64")


@given(_PLATFORMS)
def test_normalizing_twice_is_normalizing_once(platform: str) -> None:
    assert normalize(normalize(platform)) == normalize(platform)


@given(st.lists(_PLATFORMS, min_size=1, max_size=4))
def test_platforms_survive_formatting_and_parsing(texts: list[str]) -> None:
    platforms = parse_platforms(texts, local=_LOCAL)

    assert parse_platforms([format_platforms(platforms)], local=_LOCAL) == platforms


def test_what_is_no_platform_is_normalized_to_itself() -> None:
    assert normalize("something") == "something"
