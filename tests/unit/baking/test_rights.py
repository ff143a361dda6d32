"""What a definition asks for, and what is allowed anyway."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from router.baking.keys import BakeKeys
from router.baking.requests import BakeBuild, BakePlace, bake_builds
from router.baking.rights import missing_rights, parse_bake_rights, with_rights
from router.errors import UsageError
from tests.unit.bake.definitions import planned

_REMOTE = 'context = "https://example.com/r.git"'


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a neighbour, and a link to it."""
    for name in ("here/app", "beside/sub", "far/away"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "here" / "link").symlink_to(tmp_path / "beside")
    (tmp_path / "beside" / "file").touch()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def _builds(*targets: str) -> tuple[BakeBuild, ...]:
    text = "".join(f'target "t{number}" {{\n{fields}\n}}\n' for number, fields in enumerate(targets))
    return bake_builds(planned(text, "t*"), BakeKeys("."), BakePlace(environment={}, local="linux/amd64"))


def _missing(fields: str, *allowed: str) -> Sequence[str]:
    return [each.allow for each in missing_rights(_builds(fields), parse_bake_rights(allowed))]


@pytest.mark.parametrize(
    "fields",
    [
        "",
        'context = "app"',
        f'{_REMOTE}\ndockerfile = "../D"',
        'contexts = { a = "docker-image://alpine", b = "https://example.com/a.tar", c = "oci-layout:///x" }',
        'output = ["type=local,dest=out/deep", "type=oci,dest=o.tar", "-"]',
        'output = ["type=docker", "type=image,push=true"]',
        'cache-from = ["type=local,src=c"]\ncache-to = ["type=local,dest=c", "type=registry,ref=r"]',
        'secret = ["id=a,src=secret.txt", "id=b,env=B", "id=c"]',
        'ssh = ["default=key"]',
    ],
)
def test_what_stays_in_the_working_directory_needs_no_right(fields: str) -> None:
    assert _missing(fields) == []


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ('context = ".."', "fs.read=.."),
        ('context = "link"', "fs.read=../beside"),
        ('context = "../beside/sub"', "fs.read=../beside/sub"),
        ('context = "../beside/none"', "fs.read=../beside"),
        ('context = "/etc"', "fs.read=/etc"),
        ('dockerfile = "../beside/file"', "fs.read=../beside/file"),
        (f'{_REMOTE}\ndockerfile = "cwd://../beside/file"', "fs.read=../beside/file"),
        ('contexts = { a = "../beside" }', "fs.read=../beside"),
        ('contexts = { a = "cwd://../beside" }', "fs.read=../beside"),
        ('cache-from = ["type=local,src=../beside"]', "fs.read=../beside"),
        ('secret = ["id=a,src=../beside/file"]', "fs.read=../beside/file"),
        ('secret = ["id=../beside/file"]', "fs.read=../beside/file"),
        ('ssh = ["a=../beside/file"]', "fs.read=../beside/file"),
        ('cache-to = ["type=local,dest=../beside/c"]', "fs.write=../beside"),
        ('output = ["../beside"]', "fs.write=../beside"),
        ('output = ["type=oci,dest=../beside/o.tar"]', "fs.write=../beside"),
        ('context = "../beside"\noutput = ["../beside"]', "fs=../beside"),
        ('ssh = ["default"]', "ssh"),
        ('network = "host"', "network.host"),
        ('entitlements = ["security.insecure"]', "security.insecure"),
        ('entitlements = ["device"]', "device"),
        ('entitlements = ["device=gpu,alias=g"]', "device=gpu"),
        ('output = ["type=local,dest=out,mode=delete"]', "buildx.local.delete"),
    ],
)
def test_more_has_to_be_allowed_and_is_by_what_is_asked_for(fields: str, right: str) -> None:
    assert _missing(fields) == [right]
    assert _missing(fields, right) == []


@pytest.mark.parametrize(
    ("fields", "allowed", "missing"),
    [
        ('context = "../beside/sub"', "fs.read=..", []),
        ('context = "../beside/sub"', "fs.read=../beside/", []),
        ('context = "../beside/sub"', "fs.read=*", []),
        ('context = "../beside/sub"', "fs=/", []),
        ('context = "../beside/sub"', "fs.write=*", ["fs.read=../beside/sub"]),
        ('context = "../beside"', "fs.read=../besi", ["fs.read=../beside"]),
        ('output = ["../beside/new"]', "fs.write=../beside/new", ["fs.write=../beside"]),
        ('entitlements = ["device=gpu"]', "device", []),
        ('entitlements = ["device"]', "device=gpu", ["device"]),
        ('network = "host"', "image.push=x", ["network.host"]),
    ],
)
def test_a_right_holds_as_far_as_it_says(fields: str, allowed: str, missing: Sequence[str]) -> None:
    assert _missing(fields, allowed) == missing


def test_every_target_counts_and_what_several_want_is_asked_once() -> None:
    contexts = ("../beside", "../far", "../far/away", "link")
    builds = _builds(*(f'context = "{context}"' for context in contexts))

    found = missing_rights(builds, parse_bake_rights([]))

    assert [(each.allow, each.what, each.of_files) for each in found] == [
        ("fs.read=../beside", "read ../beside", True),
        ("fs.read=../far", "read ../far", True),
    ]


def test_deleting_is_allowed_to_the_build_and_no_daemon_is_asked() -> None:
    (build,) = _builds('output = ["type=local,dest=out,mode=delete"]')

    (allowed,) = with_rights([build], parse_bake_rights(["buildx.local.delete"]))

    assert allowed.request.allow == ("buildx.local.delete",)
    assert with_rights([build], parse_bake_rights([])) == (build,)


@pytest.mark.parametrize("text", ["fs", "fs.read=", "network", "buildx.local.delete=true", "ssh=default"])
def test_a_right_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--allow"):
        parse_bake_rights([text])
