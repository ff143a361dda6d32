"""Pushing to and pulling from a registry that wants a password, with the docker config's credentials."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, Output
from tests.e2e.builder import Builder, small_busybox, write_tree
from tests.e2e.processes import Installed
from tests.servers.buildkitd import Buildkitd
from tests.servers.registry import Registry

USER, PASSWORD = "builder", "correct horse"  # of the fixture's registry


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(
        tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": tmp_path.name}
    )


def push(builder: Builder, context: Path, *tags: str) -> str:
    """Build and push; return the digest that the daemon told."""
    return builder.build(BuildRequest(context=str(context), tags=tags, push=True)).digest


def log_in(builder: Builder, registry: Registry, tmp_path: Path) -> None:
    builder.environment["DOCKER_CONFIG"] = str(registry.docker_config(tmp_path / "docker"))


def test_the_digest_is_the_registrys(
    builder: Builder, context: Path, private_registry: Registry, tmp_path: Path
) -> None:
    log_in(builder, private_registry, tmp_path)

    digest = push(builder, context, f"{private_registry.host}/digest:1")

    assert digest == private_registry.digest("digest", "1")


def test_every_tag_is_pushed(
    builder: Builder, context: Path, private_registry: Registry, tmp_path: Path
) -> None:
    log_in(builder, private_registry, tmp_path)
    host = private_registry.host

    digest = push(builder, context, f"{host}/tags:1", f"{host}/tags:2", f"{host}/other:latest")

    assert set(private_registry.tags("tags")) == {"1", "2"}
    assert private_registry.digest("tags", "2") == digest == private_registry.digest("other", "latest")


def test_several_platforms_are_pushed_as_one_index(
    builder: Builder, context: Path, private_registry: Registry, tmp_path: Path
) -> None:
    log_in(builder, private_registry, tmp_path)
    request = BuildRequest(
        context=str(context),
        tags=(f"{private_registry.host}/index:1",),
        platforms=("linux/amd64", "linux/arm64"),
        outputs=(Output(type="registry"),),
    )

    digest = builder.build(request).digest

    index = private_registry.manifest("index", "1")
    assert private_registry.digest("index", "1") == digest
    manifests = index["manifests"]
    assert isinstance(manifests, list)
    assert [item["platform"]["architecture"] for item in manifests] == ["amd64", "arm64"]


def write_helper(folder: Path, registry: Registry, *, password: str) -> None:
    """Write a credential helper that knows one registry and keeps what it was asked."""
    folder.mkdir()
    answer = json.dumps({"ServerURL": registry.host, "Username": registry.user, "Secret": password})
    script = folder / "docker-credential-test"
    script.write_text(
        "#!/bin/sh\n"
        "read -r server\n"
        f'echo "$1 $server" >>{folder}/asked\n'
        f"[ \"$server\" = {registry.host} ] && echo '{answer}' && exit\n"
        'echo "credentials not found in native keychain"; exit 1\n'
    )
    script.chmod(0o755)


def use_helper(builder: Builder, folder: Path, config: dict[str, object]) -> None:
    write_tree(folder / "docker", {"config.json": json.dumps(config)})
    builder.environment["DOCKER_CONFIG"] = str(folder / "docker")
    builder.environment["PATH"] = f"{folder}/helpers{os.pathsep}/usr/bin:/bin"


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_credential_helper_is_asked(
    builder: Builder, context: Path, private_registry: Registry, tmp_path: Path, key: str
) -> None:
    assert private_registry.password is not None
    write_helper(tmp_path / "helpers", private_registry, password=private_registry.password)
    config = {"credsStore": "test", "credHelpers": {private_registry.host: "test"}}
    use_helper(builder, tmp_path, {key: config[key]})

    digest = push(builder, context, f"{private_registry.host}/helper:1")

    assert digest == private_registry.digest("helper", "1")
    assert (tmp_path / "helpers/asked").read_text().split("\n")[0] == f"get {private_registry.host}"


def test_a_wrong_password_fails_the_build_and_is_not_shown(
    builder: Builder, context: Path, private_registry: Registry, tmp_path: Path
) -> None:
    write_helper(tmp_path / "helpers", private_registry, password="wrong-horse")
    use_helper(builder, tmp_path, {"credsStore": "test"})

    with pytest.raises(BuildError, match="401 Unauthorized") as caught:
        push(builder, context, f"{private_registry.host}/wrong:1")

    assert caught.value.exit_code == 1
    assert f"{private_registry.host}/wrong" in str(caught.value)
    assert "wrong-horse" not in repr(caught.value)


def test_without_credentials_the_registry_refuses(
    builder: Builder, context: Path, private_registry: Registry
) -> None:
    with pytest.raises(BuildError, match=r"401 Unauthorized|authorization failed|no basic auth") as caught:
        push(builder, context, f"{private_registry.host}/anonymous:1")

    assert caught.value.hint is not None
    assert "docker login" in caught.value.hint


def test_a_private_base_image_is_pulled(builder: Builder, private_registry: Registry, tmp_path: Path) -> None:
    base = private_registry.push(small_busybox(), "private-base")
    log_in(builder, private_registry, tmp_path)
    write_tree(tmp_path / "context", {"Dockerfile": f"FROM {base}\nRUN echo pulled >/word\n"})

    files = builder.files(BuildRequest(context=str(tmp_path / "context")))

    assert files["word"] == b"pulled\n"


def written(registry: Registry, **entry: str) -> dict[str, object]:
    return {"auths": {registry.host: entry}}


CONFIGS: dict[str, Callable[[Registry, str], object]] = {
    "as docker writes it": lambda registry, auth: written(registry, auth=auth),
    "a line break": lambda registry, auth: written(registry, auth=f"{auth[:9]}\n{auth[9:]}\r\n"),
    "keys in another case": lambda registry, auth: {"Auths": {registry.host: {"AUTH": auth}}},
    "user and password": lambda registry, _: written(registry, UserName=USER, password=PASSWORD),
    "an old key": lambda registry, auth: {"auths": {f"https://{registry.host}/v1/": {"auth": auth}}},
    "the last of two": lambda registry, auth: {
        "auths": {registry.host: {"auth": "eDp5"}},
        "AUTHS": {registry.host: {"auth": auth}},
    },
    "a NUL": lambda registry, _: written(registry, auth=b64encode(f"{USER}:{PASSWORD}\0".encode()).decode()),
}


@pytest.mark.parametrize("backend", ["native", "buildctl"])
@pytest.mark.parametrize("form", CONFIGS)
def test_a_docker_config_is_read_as_buildctl_reads_it(  # noqa: PLR0917 - fixtures
    buildkitd: Buildkitd, private_registry: Registry, context: Path, tmp_path: Path, backend: str, form: str
) -> None:
    auth = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = json.dumps(CONFIGS[form](private_registry, auth))
    folder = write_tree(tmp_path / "docker", {"config.json": config})
    options = ("--addr", buildkitd.address, "--backend", backend, "--push")

    done = Installed(environment={"DOCKER_CONFIG": str(folder)}).run(
        "build", *options, "-t", f"{private_registry.host}/forms:1", context
    )

    assert done.code == 0, done.stderr
