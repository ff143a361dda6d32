"""Files that git converts: proven only where they are their blobs all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.providers.git_clean import clean_files
from tests.unit.providers.git_checkouts import ENVIRONMENT, Checkout, proven_files

FILES = {"a.txt": b"one\n", "src/b.txt": b"two\n", "src/c.png": b"\0\1\n", "up.cfg": b"name\n"}
CRLF = b"a\r\nb\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "work")
    made.commit(FILES)
    return made


def _names(directory: Path, environment: dict[str, str] = ENVIRONMENT) -> list[str]:
    return sorted(name for name in proven_files(directory, environment) if not name.startswith("."))


def _without(*names: str) -> list[str]:
    return sorted(FILES.keys() - set(names))


def _commit(checkout: Checkout, changes: dict[str, bytes]) -> None:
    """Commit changes and the other files anew: what is older than its attributes is not proven."""
    checkout.commit(dict(sorted({**FILES, **changes}.items())))


def _filter_up(checkout: Checkout) -> None:
    """Let a filter keep what is lower case in the repository in upper case, which has the same size."""
    checkout.git("config", "filter.up.clean", "tr A-Z a-z")
    checkout.git("config", "filter.up.smudge", "tr a-z A-Z")


@pytest.mark.parametrize(
    "attributes",
    [
        b"* text=auto\n*.png binary\n",
        b"* text=auto eol=lf\n",
        b"*.txt text\n*.png -text diff=png\n",
        b"*.png binary\n*.txt -filter !ident linguist-generated\n# filter=a\n",
        b"*.zip filter=lfs diff=lfs merge=lfs -text\n",
        b"*.txt crlf=input\n",
    ],
)
def test_an_ordinary_checkout_is_proven_whole(checkout: Checkout, attributes: bytes) -> None:
    _commit(checkout, {".gitattributes": attributes})
    assert _names(checkout.path) == _without()
    assert ".gitattributes" in proven_files(checkout.path)


@pytest.mark.parametrize("attributes", [b"* text=auto", b"*.txt text", b"*.txt eol=lf", b"*.txt crlf=input"])
def test_mixed_line_endings_are_not_taken_for_their_blob(checkout: Checkout, attributes: bytes) -> None:
    _commit(checkout, {".gitattributes": attributes, "a.txt": CRLF})
    blob = checkout.git("ls-files", "-s", "a.txt").split()[1].decode()
    assert blob != checkout.blob_of("a.txt")
    assert _names(checkout.path) == _without("a.txt")
    # The same blob from another file of the same size.
    _commit(checkout, {"a.txt": b"a\nb\r\n"})
    assert checkout.git("ls-files", "-s", "a.txt").split()[1].decode() == blob
    assert _names(checkout.path) == _without("a.txt")


@pytest.mark.parametrize("value", ["true", "input", "TRUE", "1"])
def test_settings_that_change_line_endings_are_seen(checkout: Checkout, value: str) -> None:
    checkout.git("config", "core.autocrlf", value)
    assert _names(checkout.path) == _without()
    _commit(checkout, {"a.txt": CRLF})
    assert _names(checkout.path) == _without("a.txt")


def test_a_checkout_with_other_line_endings_proves_what_has_none(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("clone", "-q", "-c", "core.autocrlf=true", str(checkout.path), str(tmp_path / "clone"))
    clone = Checkout(tmp_path / "clone")
    clone.settle()
    clone.git("update-index", "--force-write-index")
    assert (clone.path / "a.txt").read_bytes() == b"one\r\n"
    assert _names(clone.path) == ["src/c.png"]


@pytest.mark.parametrize(
    "place",
    [
        ".gitattributes",
        "src/.gitattributes",
        ".git/info/attributes",
        "core.attributesFile",
        "home/git/attributes",
        "home/.config/git/attributes",
        "home/.gitconfig",
        "include",
        "global",
    ],
)
def test_a_filter_is_found_wherever_it_is_named(checkout: Checkout, tmp_path: Path, place: str) -> None:
    _filter_up(checkout)
    home = tmp_path / "home"
    attributes = tmp_path / "attributes"
    environment = {**ENVIRONMENT, "HOME": str(home)}
    match place:
        case "core.attributesFile":
            checkout.git("config", place, str(attributes))
        case "home/git/attributes":
            attributes = home / "git" / "attributes"
            environment["XDG_CONFIG_HOME"] = str(home)
        case "home/.config/git/attributes":
            attributes = home / ".config" / "git" / "attributes"
        case "home/.gitconfig":
            home.mkdir()
            (home / ".gitconfig").write_text(f"[core]\n  ATTRIBUTESFILE = {attributes}\n")
        case "include":
            (tmp_path / "more").write_text(f"[core]\n  attributesFile = {attributes}\n")
            checkout.git("config", "include.path", str(tmp_path / "more"))
        case "global":
            (tmp_path / "more").write_text(f"[core]\n  attributesFile = {attributes}\n")
            environment["GIT_CONFIG_GLOBAL"] = str(tmp_path / "more")
        case _:
            attributes = checkout.path / place
    attributes.parent.mkdir(parents=True, exist_ok=True)
    attributes.write_bytes(b"*.txt filter=up\n")
    other = Checkout(checkout.path, environment=environment)
    _commit(other, {"src/b.txt": b"TWO\n"})
    assert other.git("status", "--porcelain", "-uno") == b""
    assert "src/b.txt" not in _names(checkout.path, environment)
    assert {"src/c.png", "up.cfg"} <= set(_names(checkout.path, environment))


@pytest.mark.parametrize(
    "attributes",
    [
        b"*.cfg filter=up",
        b"*.cfg\tfilter=up",
        b'"up.cfg"filter=up',
        b"\xef\xbb\xbfup.cfg filter=up",
        b"up.cfg text=auto -diff filter=up\r\n",
        b"[attr]loud filter=up\n*.cfg loud",
    ],
)
@pytest.mark.parametrize("kept", ["there", "deleted", "skipped"])
def test_a_filter_is_found_however_it_is_written(checkout: Checkout, attributes: bytes, kept: str) -> None:
    _filter_up(checkout)
    _commit(checkout, {".gitattributes": attributes, "up.cfg": b"NAME\n"})
    assert checkout.git("show", "HEAD:up.cfg") == b"name\n"
    if kept != "there":
        (checkout.path / ".gitattributes").unlink()
    if kept == "skipped":
        checkout.git("update-index", "--skip-worktree", ".gitattributes")
    assert _names(checkout.path) == (_without("up.cfg") if kept == "there" else [])


def test_what_ident_expands_is_not_proven(checkout: Checkout) -> None:
    _commit(checkout, {".gitattributes": b"*.cfg ident", "up.cfg": b"$Id$\n"})
    (checkout.path / "up.cfg").unlink()
    checkout.git("checkout", "up.cfg")
    checkout.settle()
    checkout.git("update-index", "--force-write-index")
    assert checkout.git("status", "--porcelain") == b""
    assert _names(checkout.path) == _without("up.cfg")


def test_what_has_another_encoding_is_not_proven(checkout: Checkout) -> None:
    # As many bytes in UTF-16 as in UTF-8.
    content = "привет".encode("utf-16-be")
    _commit(checkout, {".gitattributes": b"*.cfg text working-tree-encoding=UTF-16BE", "up.cfg": content})
    assert len(checkout.git("show", "HEAD:up.cfg")) == len(content)
    assert _names(checkout.path) == _without("up.cfg")


@pytest.mark.parametrize("content", [b" " * (1 << 20) + b"\n", None])
def test_attributes_that_cannot_be_read_may_convert_anything(
    checkout: Checkout, content: bytes | None
) -> None:
    _filter_up(checkout)
    _commit(checkout, {".gitattributes": b"*.cfg filter=up", "up.cfg": b"NAME\n"})
    (checkout.path / ".gitattributes").unlink()
    if content is None:
        (checkout.path / ".gitattributes").mkdir()
    else:
        (checkout.path / ".gitattributes").write_bytes(content)
    assert _names(checkout.path) == []


def test_without_git_what_may_be_converted_is_not_proven(checkout: Checkout) -> None:
    environment = {"PATH": "/nonexistent", "HOME": "/nonexistent"}
    assert _names(checkout.path, environment) == _without()
    _commit(checkout, {".gitattributes": b"*.txt text=auto"})
    assert _names(checkout.path, environment) == []
    checkout.git("config", "core.autocrlf", "input")
    assert clean_files(os.fsencode(checkout.path), environment) is None


def test_a_checkout_of_somebody_else_is_not_asked_about(checkout: Checkout) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    _commit(checkout, {".gitattributes": b"*.txt text=auto"})
    os.chown(checkout.path, 12345, 12345)
    os.chown(checkout.path / ".git", 12345, 12345)
    assert _names(checkout.path) == []


def test_asking_runs_nothing_that_the_checkout_names(checkout: Checkout, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    run = tmp_path / "run"
    run.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{witness}'\ncat\n")
    run.chmod(0o755)
    _commit(checkout, {".gitattributes": b"* text=auto\n*.cfg filter=x diff=x"})
    lost = checkout.git("rev-parse", "HEAD:a.txt").decode().strip()
    (checkout.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    for name in (
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.editor",
    ):
        checkout.git("config", name, str(run))
    for name in (
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "diff.x.textconv",
        "alias.cat-file",
    ):
        checkout.git("config", name, f"!{run}" if name.startswith("alias") else str(run))
    checkout.git("config", "core.hooksPath", str(tmp_path))
    checkout.git("config", "core.repositoryFormatVersion", "1")
    checkout.git("config", "extensions.partialClone", "origin")
    checkout.git("config", "remote.origin.promisor", "true")
    for url in (f"ssh://host/{checkout.path}", f"ext::{run}", f"file://{checkout.path}"):
        checkout.git("config", "remote.origin.url", url)
        checkout.git("config", "remote.origin.uploadpack", str(run))
        for protocol in ("ext", "file", "ssh"):
            checkout.git("config", f"protocol.{protocol}.allow", "always")
        assert _names(checkout.path) == _without("a.txt", "up.cfg")
    assert not witness.exists()


def test_hidden_attributes_speak_of_their_directory_alone(checkout: Checkout) -> None:
    _commit(checkout, {"src/.gitattributes": b"*.txt diff=x"})
    (checkout.path / "src" / ".gitattributes").unlink()
    assert _names(checkout.path) == ["a.txt", "up.cfg"]


def test_empty_attributes_hide_nothing(checkout: Checkout) -> None:
    _commit(checkout, {".gitattributes": b""})
    assert _names(checkout.path) == _without()


def test_files_older_than_their_attributes_are_not_proven(checkout: Checkout) -> None:
    _filter_up(checkout)
    _commit(checkout, {".gitattributes": b"*.cfg filter=up", "up.cfg": b"NAME\n", "src/b.txt": b"2\n"})
    checkout.settle()
    checkout.commit({".gitattributes": b"", "src/.gitattributes": b"# none", "a.txt": b"1\n"})
    assert checkout.git("status", "--porcelain") == b""
    assert _names(checkout.path) == ["a.txt", "src/.gitattributes"]
