"""Caches of every kind that can run here, on a real buildkitd: imported by a daemon that has seen nothing."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router import BuildRequest, CacheOption, Output, OutputError, UsageError
from router.flags.cache import CACHE_FROM, parse_caches
from router.model.events import Vertex
from tests.e2e.builder import Builder, tar_files, write_tree
from tests.e2e.conftest import native
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.registry import Registry

BLOBS = "blobs/sha256"


@pytest.fixture
def pair(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> tuple[Builder, Builder]:
    """Two daemons that share nothing."""
    first, second, _ = buildkitd_three
    return native(first, tmp_path), native(second, tmp_path)


@pytest.fixture
def request_(tmp_path: Path, busybox: str) -> BuildRequest:
    """A build with a step whose result is another one each time it runs, and that no other test has."""
    dockerfile = f"""\
FROM {busybox} AS base
RUN : {os.urandom(8).hex()}; head -c 100000 /dev/urandom >/random
FROM scratch
COPY --from=base /random /
"""
    return BuildRequest(context=str(write_tree(tmp_path / "project", {"Dockerfile": dockerfile})))


def another(request: BuildRequest) -> BuildRequest:
    """Return the build with its step made another one."""
    dockerfile = (Path(request.context) / "Dockerfile").read_bytes()
    return replace(request, dockerfile_text=dockerfile.replace(b"RUN : ", b"RUN : another "))


def step(builder: Builder) -> Vertex:
    """Return the step as last told."""
    return next(vertex for name, vertex in builder.vertexes.items() if "/dev/urandom" in name)


def local(**attrs: str | Path) -> tuple[CacheOption, ...]:
    return (CacheOption(type="local", attrs={name: str(value) for name, value in attrs.items()}),)


def index_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "index.json").read_bytes())
    return found


def tags_of(folder: Path) -> list[str]:
    return [
        item["annotations"]["org.opencontainers.image.ref.name"] for item in index_of(folder)["manifests"]
    ]


def assert_all_blobs_are_whole(folder: Path) -> None:
    blobs = list((folder / BLOBS).iterdir())
    assert blobs
    for blob in blobs:
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_a_cache_in_a_directory_serves_another_daemon(
    pair: tuple[Builder, Builder], request_: BuildRequest, tmp_path: Path
) -> None:
    first, second = pair
    cache = tmp_path / "deep/er/cache"

    exported = first.files(replace(request_, cache_to=local(dest=cache, mode="max")))
    imported = second.files(replace(request_, cache_from=local(src=cache)))

    assert imported["random"] == exported["random"]
    assert step(second).cached
    assert second.warnings == []
    assert tags_of(cache) == ["latest"]
    assert_all_blobs_are_whole(cache)


def test_one_directory_is_read_and_written_by_one_build(
    pair: tuple[Builder, Builder], request_: BuildRequest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    both = replace(request_, cache_from=local(src=cache), cache_to=local(dest=cache, mode="max"))

    exported = pair[0].files(both)
    imported = pair[1].files(both)

    assert imported == exported
    assert len(pair[0].warnings) == 1
    assert "no cache was imported from" in pair[0].warnings[0]
    assert pair[1].warnings == []


def test_caches_of_several_tags_share_a_directory(
    pair: tuple[Builder, Builder], request_: BuildRequest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = pair[0].files(replace(request_, cache_to=local(dest=cache, tag="main", mode="max")))
    digest = index_of(cache)["manifests"][0]["digest"]
    pair[0].files(replace(another(request_), cache_to=local(dest=cache, mode="max")))

    by_tag = pair[1].files(replace(request_, cache_from=local(src=cache, tag="main")))
    by_digest = pair[1].files(replace(request_, cache_from=local(src=cache, digest=digest)))

    assert by_tag == by_digest == first
    assert sorted(tags_of(cache)) == ["latest", "main"]


def test_reset_keeps_what_the_index_names_and_nothing_else(
    pair: tuple[Builder, Builder], request_: BuildRequest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    pair[0].files(replace(request_, cache_to=local(dest=cache, mode="max")))
    before = set((cache / BLOBS).iterdir())
    other = another(request_)

    exported = pair[0].files(replace(other, cache_to=local(dest=cache, mode="max", reset="true")))

    assert before - set((cache / BLOBS).iterdir())
    assert pair[1].files(replace(other, cache_from=local(src=cache))) == exported
    assert_all_blobs_are_whole(cache)


@pytest.mark.parametrize(
    ("attrs", "why"),
    [
        ({"src": "missing"}, r"can't read .*missing/index\.json"),
        ({"src": "cache", "tag": "other"}, "its index has no other"),
        ({"src": "cache", "digest": f"sha256:{'0' * 64}"}, "is missing"),
        ({"src": "cache", "digest": "../../etc/passwd"}, "is missing"),
        ({"src": "broken"}, "is not valid JSON"),
    ],
)
def test_a_cache_that_cannot_be_imported_is_a_warning(
    builder: Builder, request_: BuildRequest, tmp_path: Path, attrs: dict[str, str], why: str
) -> None:
    write_tree(tmp_path, {"cache/index.json": "{}", "broken/index.json": "{"})
    attrs["src"] = str(tmp_path / attrs["src"])

    assert "random" in builder.files(replace(request_, cache_from=local(**attrs)))

    assert len(builder.warnings) == 1
    assert re.search(why, builder.warnings[0])


@pytest.mark.parametrize(
    ("field", "option", "why"),
    [
        ("cache_from", CacheOption(type="local"), "needs src="),
        ("cache_to", CacheOption(type="local"), "needs dest="),
        ("cache_to", CacheOption(type="registry"), "needs ref="),
        (
            "cache_to",
            CacheOption(type="local", attrs={"dest": "x", "reset": "maybe"}),
            "reset must be true or false",
        ),
        ("cache_to", CacheOption(type="local", attrs={"dest": "/dev/null/x"}), "is not a directory"),
    ],
)
def test_a_cache_that_lacks_what_it_needs_is_refused(
    builder: Builder, request_: BuildRequest, field: str, option: CacheOption, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        builder.build(replace(request_, **{field: (option,)}))  # type: ignore[arg-type]


def test_builds_that_export_to_one_directory_at_once_all_get_in(
    buildkitd_three: tuple[Buildkitd, ...], request_: BuildRequest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    builders = [native(daemon, tmp_path / str(number)) for number, daemon in enumerate(buildkitd_three)] * 2

    def build(number: int) -> None:
        builders[number].build(replace(request_, cache_to=local(dest=cache, mode="max", tag=f"t{number}")))

    with ThreadPoolExecutor(len(builders)) as threads:
        list(threads.map(build, range(len(builders))))

    assert sorted(tags_of(cache)) == [f"t{number}" for number in range(len(builders))]
    assert_all_blobs_are_whole(cache)


def test_a_directory_that_is_full_or_forbidden_fails_with_its_name(
    builder: Builder, request_: BuildRequest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    write_tree(cache, {"blobs/sha256": "a file where a folder belongs"})

    with pytest.raises(OutputError, match=f"can't write to {cache}"):
        builder.build(replace(request_, cache_to=local(dest=cache)))


def test_buildctl_and_warmroute_read_each_others_directories(
    buildkitd_three: tuple[Buildkitd, ...], request_: BuildRequest, tmp_path: Path
) -> None:
    first, second, third = buildkitd_three
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"

    def buildctl(daemon: Buildkitd, *options: str) -> bytes:
        root = tmp_path / "buildctl.tar"
        argv = [
            *(
                str(binaries.find_buildctl()),
                "--addr",
                daemon.address,
                "build",
                "--frontend",
                "dockerfile.v0",
            ),
            *("--local", f"context={request_.context}", "--local", f"dockerfile={request_.context}"),
            *("--output", f"type=tar,dest={root}", *options),
        ]
        subprocess.run(argv, check=True, timeout=60, capture_output=True)
        return tar_files(root.read_bytes())["random"]

    made = native(first, tmp_path).files(replace(request_, cache_to=local(dest=ours, mode="max")))["random"]
    assert buildctl(second, f"--import-cache=type=local,src={ours}") == made
    buildctl(second, f"--export-cache=type=local,dest={theirs},mode=max")

    again = native(third, tmp_path).files(replace(request_, cache_from=local(src=theirs)))

    assert again["random"] == made
    assert tags_of(theirs) == tags_of(ours)


def test_a_cache_in_a_registry_serves_another_daemon(
    pair: tuple[Builder, Builder], request_: BuildRequest, registry: Registry
) -> None:
    ref = f"{registry.host}/cache-{os.urandom(4).hex()}:main"
    to = CacheOption(type="registry", attrs={"ref": ref, "mode": "max", "registry.insecure": "true"})

    exported = pair[0].files(replace(request_, cache_to=(to,)))
    imported = pair[1].files(replace(request_, cache_from=parse_caches([ref], CACHE_FROM)))

    assert imported == exported
    assert step(pair[1]).cached


@pytest.mark.parametrize("asked_by", ["option", "argument"])
def test_a_cache_inside_of_an_image_serves_another_daemon(
    pair: tuple[Builder, Builder], request_: BuildRequest, registry: Registry, asked_by: str
) -> None:
    ref = f"{registry.host}/inline-{os.urandom(4).hex()}:main"
    image = Output(type="image", attrs={"name": ref, "push": "true", "registry.insecure": "true"})
    # Of the layers of other stages an image knows nothing.
    request = replace(request_, target="base", outputs=(image,))
    if asked_by == "option":
        pair[0].build(replace(request, cache_to=(CacheOption(type="inline"),)))
    else:
        pair[0].build(replace(request, build_args={"BUILDKIT_INLINE_CACHE": "1"}))

    pair[1].build(replace(request, outputs=(), cache_from=parse_caches([ref], CACHE_FROM)))

    assert step(pair[1]).cached


def test_a_registry_without_the_cache_fails_no_build(
    builder: Builder, request_: BuildRequest, registry: Registry
) -> None:
    missing = parse_caches([f"{registry.host}/nothing:here"], CACHE_FROM)

    assert "random" in builder.files(replace(request_, cache_from=missing))
    assert any("nothing:here" in name for name in builder.vertexes)


@pytest.fixture
def cloud() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """A server that stands for a cloud's: it refuses everything, and keeps what it was asked."""
    asked: list[tuple[str, str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Write nothing."""

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 - the names are the base class's

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="cloud")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def github_token(scope: str) -> str:
    """Return what looks like the token of a runner; the daemon reads the scopes that it may use."""
    claims = {"ac": json.dumps([{"Scope": scope, "Permission": 3}]), "nbf": 0, "exp": 1 << 40}
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256"}, claims, "signature"))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def test_caches_of_clouds_get_their_keys_and_the_environments_credentials(
    builder: Builder, request_: BuildRequest, cloud: tuple[str, list[tuple[str, str, str]]]
) -> None:
    url, asked = cloud
    token = github_token("refs/heads/main")
    builder.environment |= {
        "AWS_ACCESS_KEY_ID": "AKIDTEST",
        "AWS_SECRET_ACCESS_KEY": "geheim-s3",
        "ACTIONS_RUNTIME_TOKEN": token,
        "ACTIONS_CACHE_URL": f"{url}/gha/",
    }
    s3 = {"bucket": "b", "region": "eu", "endpoint_url": url, "use_path_style": "true", "name": "mine"}
    azblob = {"account_url": url, "secret_access_key": "Z2VoZWltLWF6", "container": "c", "name": "theirs"}
    options = (
        CacheOption(type="s3", attrs=s3),
        CacheOption(type="azblob", attrs=azblob),
        CacheOption(type="gha", attrs={"scope": "main"}),
    )

    assert "random" in builder.files(replace(request_, cache_from=options))

    paths = " ".join(path for _, path, _ in asked)
    assert "/b/manifests/mine" in paths
    assert "/c?restype=container" in paths
    assert "/gha/" in paths
    signed = " ".join(header for _, _, header in asked)
    assert "Credential=AKIDTEST" in signed
    assert f"Bearer {token}" in signed
    told = repr(builder.events)
    for secret in ("geheim-s3", token, "Z2VoZWltLWF6"):
        assert secret not in told
        assert secret not in repr(options)


def test_outside_of_githubs_runners_its_cache_is_left_out(builder: Builder, request_: BuildRequest) -> None:
    gha = (CacheOption(type="gha"),)

    assert "random" in builder.files(replace(request_, cache_from=gha, cache_to=gha))
