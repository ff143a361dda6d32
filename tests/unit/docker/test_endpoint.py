"""Finding the Docker engine as the docker command does."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from router.docker.endpoint import find_endpoint
from router.errors import UsageError
from router.model.tls import TLSOptions
from tests.unit.unprivileged import folder_for_anybody, unprivileged


def add_context(config: Path, name: str, **docker: Any) -> Path:
    """Add a docker context below a config directory; return its TLS directory, which isn't made."""
    identity = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / identity
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": docker}}))
    return config / "contexts" / "tls" / identity / "docker"


def test_nothing_set_means_the_default_socket(tmp_path: Path) -> None:
    endpoint = find_endpoint({"HOME": str(tmp_path)})
    assert (endpoint.host, endpoint.source) == ("unix:///var/run/docker.sock", "the default socket")


def test_docker_host_wins_over_contexts(tmp_path: Path) -> None:
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": "tcp://d:2375", "DOCKER_CONTEXT": "lab"}
    assert find_endpoint(environment).host == "tcp://d:2375"


def test_docker_context_wins_over_the_current_context(tmp_path: Path) -> None:
    add_context(tmp_path, "lab", Host="tcp://lab:2375")
    (tmp_path / "config.json").write_text('{"currentContext": "other"}')
    endpoint = find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "lab"})
    assert (endpoint.host, endpoint.context) == ("tcp://lab:2375", "lab")


def test_the_current_context_of_the_config_is_used(tmp_path: Path) -> None:
    docker = tmp_path / ".docker"
    add_context(docker, "desktop-linux", Host="unix:///home/me/docker.sock")
    (docker / "config.json").write_text('{"currentContext": "desktop-linux"}')
    endpoint = find_endpoint({"HOME": str(tmp_path)})
    assert endpoint.host == "unix:///home/me/docker.sock"
    assert endpoint.tls is None


def test_a_named_context_wins_over_everything(tmp_path: Path) -> None:
    add_context(tmp_path, "lab", Host="tcp://lab:2375")
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": "tcp://d:2375"}
    assert find_endpoint(environment, "lab").host == "tcp://lab:2375"


def test_the_default_context_is_that_of_the_environment(tmp_path: Path) -> None:
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": "tcp://d:2375"}
    assert find_endpoint(environment, "default").host == "tcp://d:2375"


def test_a_context_brings_its_own_tls_files(tmp_path: Path) -> None:
    directory = add_context(tmp_path, "lab", Host="tcp://lab:2376", SkipTLSVerify=True)
    directory.mkdir(parents=True)
    (directory / "ca.pem").touch()
    endpoint = find_endpoint({"DOCKER_CONFIG": str(tmp_path)}, "lab")
    assert endpoint.tls is not None
    assert (endpoint.tls.ca, endpoint.tls.cert) == (str(directory / "ca.pem"), None)
    assert not endpoint.verify


def test_tls_files_that_may_not_be_read_are_not_left_out() -> None:
    with folder_for_anybody() as folder:
        directory = add_context(folder, "lab", Host="tcp://lab:2376")
        directory.mkdir(parents=True)
        (folder / "contexts/tls").chmod(0)

        def found() -> str:
            tls = find_endpoint({"DOCKER_CONFIG": str(folder)}, "lab").tls
            return "no TLS" if tls is None else str(tls.ca)

        assert unprivileged(found) == str(directory / "ca.pem")


def test_docker_tls_verify_uses_the_files_of_docker_cert_path(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    environment = {
        "DOCKER_HOST": "tcp://d:2376",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(tmp_path),
    }
    endpoint = find_endpoint(environment)
    assert endpoint.verify
    assert endpoint.tls is not None
    assert endpoint.tls.key == str(tmp_path / "key.pem")


def test_a_context_that_does_not_exist_is_a_usage_error_that_says_who_named_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'"lab" \(DOCKER_CONTEXT\) does not exist'):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "lab"})


def test_a_config_that_can_not_be_read_names_no_context(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")

    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path)}).host == "unix:///var/run/docker.sock"


def test_the_files_of_a_context_are_read_in_any_case(tmp_path: Path) -> None:
    directory = add_context(tmp_path, "lab")
    meta = tmp_path / "contexts" / "meta" / directory.parent.name / "meta.json"
    meta.write_text(
        '{"name": "lab", "endpoints": {"docker": {"host": "tcp://lab:1", "skipTlsVerify": true}}}'
    )

    endpoint = find_endpoint({"DOCKER_CONFIG": str(tmp_path)}, "lab")

    assert (endpoint.host, endpoint.verify) == ("tcp://lab:1", False)


def test_a_context_whose_file_is_broken_is_a_usage_error(tmp_path: Path) -> None:
    directory = add_context(tmp_path, "lab")
    meta = tmp_path / "contexts" / "meta" / directory.parent.name / "meta.json"
    meta.write_text("{")

    with pytest.raises(UsageError, match=r"meta\.json is not valid JSON"):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path)}, "lab")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/dev/zero", "it is larger than 16 MiB"),
        ("pipe", "it is a pipe, and nobody has finished writing to it after 0.2 s"),
        ("/", "is a directory"),
    ],
)
def test_a_context_whose_file_can_not_be_read_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, why: str
) -> None:
    monkeypatch.setattr("router.named_file._PATIENCE", 0.2)
    directory = add_context(tmp_path, "odd", Host="tcp://d:1")
    meta = tmp_path / "contexts" / "meta" / directory.parent.name / "meta.json"
    meta.unlink()
    os.mkfifo(tmp_path / "pipe")
    meta.symlink_to(tmp_path / target)

    with pytest.raises(UsageError) as caught:
        find_endpoint({"DOCKER_CONFIG": str(tmp_path)}, "odd")

    assert str(caught.value) == f"can't read {meta}: {why}"


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "."}])
def test_the_working_directory_names_no_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: dict[str, str]
) -> None:
    add_context(tmp_path / ".docker", "hostile", Host="tcp://hostile:1")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "hostile"}')
    monkeypatch.chdir(tmp_path)

    (tmp_path / "ca.pem").touch()

    assert find_endpoint(home).host == "unix:///var/run/docker.sock"
    secured = find_endpoint({**home, "DOCKER_HOST": "tcp://d:2376", "DOCKER_TLS_VERIFY": "1"})
    assert (secured.verify, secured.tls) == (True, TLSOptions())
