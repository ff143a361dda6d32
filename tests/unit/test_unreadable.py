"""What a user names and may not read is not reported as missing, nor as something that it isn't."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from cli.build_options import AttestationOptions, ImageOptions
from cli.given.requests import build_request
from router.config import tls_options
from router.errors import RouterError
from router.files import check_file
from router.fstransfer.sender import Sender
from router.model.request import BuildRequest, CacheOption
from router.model.tls import TLSOptions
from router.solve.caches import open_caches
from router.solve.located import checked as checked_request
from tests.unit.unprivileged import folder_for_anybody, unprivileged

DIGEST = sha256(b"{}").hexdigest()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a context, an OCI layout of one image, and files for TLS."""
    with folder_for_anybody() as folder:
        for name in (
            "context/Dockerfile",
            "layout/index.json",
            f"layout/blobs/sha256/{DIGEST}",
            "tls/ca.pem",
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("{}")
        tag = {"org.opencontainers.image.ref.name": "latest"}
        manifest = {"digest": f"sha256:{DIGEST}", "annotations": tag}
        (folder / "layout/index.json").write_text(json.dumps({"manifests": [manifest]}))
        (folder / "policy").write_text("{}")
        yield folder


def said(action: Callable[[], object]) -> str:
    """Return the error that comes of something without root's rights, with its hint."""

    def run() -> str:
        try:
            return f"no error: {action()}"
        except RouterError as exc:
            return f"{exc}\nhint: {exc.hint}"

    return unprivileged(run)


def checked(folder: Path, **options: object) -> Callable[[], object]:
    request = BuildRequest(**{"context": str(folder / "context"), **options})  # type: ignore[arg-type]
    return lambda: checked_request(request)


@pytest.mark.parametrize(
    ("closed", "options", "message"),
    [
        ("context", {}, "the Dockerfile {}/context/Dockerfile can't be read: permission denied"),
        ("context/Dockerfile", {}, "the Dockerfile {}/context/Dockerfile can't be read: permission denied"),
        ("", {}, "the build context {}/context can't be read: permission denied"),
        (
            "layout",
            {"build_contexts": {"b": "oci-layout://{}/layout"}},
            "--build-context b=oci-layout://{}/layout: {}/layout/index.json can't be read: permission denied",
        ),
        (
            "layout/blobs",
            {"build_contexts": {"b": "oci-layout://{}/layout"}},
            f"can't read {{}}/layout/blobs/sha256/{DIGEST}: permission denied",
        ),
        (
            "tls",
            {"build_contexts": {"b": "{}/tls/more"}},
            "--build-context b={}/tls/more: {}/tls/more can't be read: permission denied",
        ),
        (
            "tls",
            {"generic": True, "frontend": "x", "local_dirs": {"a": "{}/tls/more"}},
            "--local a={}/tls/more: {}/tls/more can't be read: permission denied",
        ),
    ],
)
def test_an_input_that_may_not_be_read_is_told_as_that(
    folder: Path, closed: str, options: dict[str, object], message: str
) -> None:
    filled = {
        name: {key: text.replace("{}", str(folder)) for key, text in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in options.items()
    }
    (folder / closed).chmod(0)
    told, hint = said(checked(folder, **filled)).split("\nhint: ")
    assert told == message.replace("{}", str(folder))
    assert hint.startswith(f"namei -l {folder}/")


def test_a_directory_of_certificates_that_may_not_be_read_is_told_as_that(folder: Path) -> None:
    (folder / "tls").chmod(0)
    told = said(lambda: tls_options(TLSOptions(), str(folder / "tls")))
    assert told.startswith(f"can't read --tls-dir {folder}/tls: permission denied\nhint: namei -l ")


def test_a_cache_whose_blobs_may_not_be_read_is_left_out_for_that(folder: Path) -> None:
    (folder / "layout/blobs").chmod(0)
    option = CacheOption(type="local", attrs={"src": str(folder / "layout")})

    def warning() -> object:
        return open_caches(BuildRequest(cache_from=(option,)), {}).warnings

    assert f"can't read {folder}/layout/blobs/sha256/{DIGEST}: permission denied" in said(warning)


def test_a_source_policy_that_may_not_be_read_is_told_without_a_number(folder: Path) -> None:
    (folder / "policy").chmod(0)
    options = AttestationOptions(source_policy_file=str(folder / "policy"))
    told = said(lambda: build_request(ImageOptions(attestations=options), None))
    assert told.startswith(f"can't read --source-policy-file {folder}/policy: permission denied\n")


def test_an_outputs_folder_that_may_not_be_looked_at_is_not_called_missing(folder: Path) -> None:
    (folder / "tls").chmod(0)
    told = said(lambda: check_file(f"{folder}/tls/more/file", "the output"))
    assert told.startswith(f"the output {folder}/tls/more/file: {folder}/tls/more can't be read: permission")


@pytest.mark.parametrize("closed", ["context", "context/Dockerfile.dockerignore"])
def test_what_cant_be_excluded_is_not_to_be_excluded(folder: Path, closed: str) -> None:
    (folder / closed).touch()
    (folder / closed).chmod(0)

    def send() -> object:
        sender = Sender(bytes(folder / "context"))
        sender.pull(1 << 20)
        sender.receive(b"\x08\x01\x18\x01")  # the second file
        return sender.pull(1 << 20)

    assert said(send) == f'can\'t send "{folder}/{closed}": permission denied\nhint: make it readable'
