"""A request as buildctl's flags, and the backend's judgement of the buildctl it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.address import parse_address
from router.backends import BackendContext
from router.backends.buildctl import BuildctlBackend, build_arguments, buildctl_command, client_arguments
from router.cancellation import Cancellation
from router.errors import ToolError, UsageError
from router.model.build_options import RegistryTLS, SSHAgent
from router.model.daemon import Daemon
from router.model.request import BuildRequest, CacheOption, Output, Secret
from router.solve.exporters import export_plans
from router.solve.inputs import Inputs
from router.transport.options import DialOptions, TLSOptions
from tests.unit.prepared import looked_up, prepared

ONE = Daemon(name="one", address=parse_address("tcp://one:1234"))


def arguments(request: BuildRequest, inputs: Inputs | None = None) -> list[str]:
    return build_arguments(request, inputs or Inputs(), export_plans(prepared(request), engine=False))


@pytest.mark.parametrize(
    ("request_", "flags"),
    [
        (BuildRequest(build_args={"A": "b=c, d"}), ["--opt", "build-arg:A=b=c, d"]),
        (BuildRequest(labels={"team": ""}), ["--opt", "label:team="]),
        (BuildRequest(target="final"), ["--opt", "target=final"]),
        (
            BuildRequest(platforms=("linux/amd64", "linux/arm64")),
            ["--opt", "platform=linux/amd64,linux/arm64"],
        ),
        (BuildRequest(no_cache=True), ["--opt", "no-cache="]),
        (BuildRequest(pull=True), ["--opt", "image-resolve-mode=pull"]),
        (BuildRequest(frontend_options={"x": "y"}), ["--opt", "x=y"]),
        (BuildRequest(secrets=(Secret(id="a", path="/x,y"),)), ["--secret", 'id=a,"src=/x,y"']),
        (BuildRequest(secrets=(Secret(id="a", env="B"),)), ["--secret", "id=a,env=B"]),
        (
            BuildRequest(cache_from=(CacheOption(type="registry", attrs={"ref": "r/c"}),)),
            ["--import-cache", "type=registry,ref=r/c"],
        ),
        (BuildRequest(oci_layouts={"base": "dir"}), ["--oci-layout", "base=dir"]),
        (BuildRequest(ssh=(SSHAgent(id="a", paths=("k1", "k2")),)), ["--ssh", "a=k1,k2"]),
        (
            BuildRequest(registry_tls=(RegistryTLS(host="a", ca="b.pem"),)),
            ["--registry-auth-tlscontext", "host=a,ca=b.pem"],
        ),
        (BuildRequest(allow=("security.insecure",)), ["--allow", "security.insecure"]),
        (
            BuildRequest(network="host"),
            ["--opt", "force-network-mode=host", "--allow", "network.host"],
        ),
        (BuildRequest(proxy_network=True), ["--proxy-network"]),
        (BuildRequest(cache_to=(CacheOption(type="inline"),)), ["--export-cache", "type=inline"]),
        (
            BuildRequest(tags=("a", "b:1"), push=True),
            ["--output", 'type=image,unpack=false,push=true,"name=a,b:1"'],
        ),
        (BuildRequest(tags=("a",), load=True), ["--output", "type=docker,name=a"]),
        (BuildRequest(outputs=(Output(type="local", dest="out"),)), ["--output", "type=local,dest=out"]),
        (
            BuildRequest(outputs=(Output(type="oci", dest="a.tar", attrs={"tar": "true"}),)),
            ["--output", "type=oci,dest=a.tar,tar=true"],
        ),
        (BuildRequest(outputs=(Output(type="cacheonly"),)), []),
    ],
)
def test_a_field_becomes_its_flag(request_: BuildRequest, flags: list[str]) -> None:
    assert arguments(request_) == ["--frontend", "dockerfile.v0", *flags]


def test_directories_are_offered_by_name() -> None:
    inputs = Inputs(directories={"context": ".", "dockerfile": "/d"}, attrs={"filename": "Other"})

    assert arguments(BuildRequest(), inputs) == [
        *("--frontend", "dockerfile.v0", "--local", "context=.", "--local", "dockerfile=/d"),
        *("--opt", "filename=Other"),
    ]


def test_another_frontend_is_named() -> None:
    request = BuildRequest(frontend="gateway.v0", frontend_options={"source": "r/f:1"})

    assert arguments(request) == ["--frontend", "gateway.v0", "--opt", "source=r/f:1"]


@pytest.mark.parametrize(
    ("address", "dial", "argv"),
    [
        ("unix:///run/b.sock", DialOptions(), ["--addr", "unix:///run/b.sock"]),
        ("kube-pod://b-0?namespace=ci", DialOptions(), ["--addr", "kube-pod://b-0?namespace=ci"]),
        (
            "kube-pod://b-0?namespace=ci",
            DialOptions(kube_context="far"),
            ["--addr", "kube-pod://b-0?namespace=ci&context=far"],
        ),
        (
            "kube-pod://b-0?context=near",
            DialOptions(kube_context="far"),
            ["--addr", "kube-pod://b-0?context=near"],
        ),
        (
            "tcp://one:1234",
            DialOptions(tls=TLSOptions(ca="ca.pem", cert="c.pem", key="k.pem", server_name="b")),
            [
                *("--addr", "tcp://one:1234", "--tlscacert", "ca.pem", "--tlscert", "c.pem"),
                *("--tlskey", "k.pem", "--tlsservername", "b"),
            ],
        ),
    ],
)
def test_the_daemon_is_named_as_buildctl_wants_it(address: str, dial: DialOptions, argv: list[str]) -> None:
    assert client_arguments(Daemon(name="one", address=parse_address(address)), dial) == ["buildctl", *argv]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


@pytest.fixture
def make_context(tmp_path: Path) -> Iterator[Callable[[str], BackendContext]]:
    """Make contexts whose PATH has only a `buildctl` with the given script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    with Cancellation() as cancellation:

        def make(script: str) -> BackendContext:
            if script:
                (folder / "buildctl").write_text(f"#!/bin/sh\n{script}\n")
                (folder / "buildctl").chmod(0o755)
            return BackendContext(
                key="k",
                on_event=lambda _: None,
                cancellation=cancellation,
                environment={"PATH": str(folder), "TOKEN": "hidden"},
            )

        yield make


def test_a_missing_buildctl_is_named_with_the_way_to_get_it(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    with pytest.raises(ToolError, match="buildctl is not installed") as caught:
        BuildctlBackend().build(looked_up(BuildRequest(context=str(project))), ONE, make_context(""))

    assert caught.value.hint is not None
    assert "https://github.com/moby/buildkit/releases" in caught.value.hint


def test_an_old_buildctl_is_named_with_its_version(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    script = """
        [ "$1" = --version ] && echo 'buildctl github.com/moby/buildkit v0.12.5 abc' && exit
        echo 'flag provided but not defined: -ref-file' >&2; exit 1"""

    with pytest.raises(ToolError, match=r"buildctl 0\.12\.5 is too old: 0\.13 or newer"):
        BuildctlBackend().build(looked_up(BuildRequest(context=str(project))), ONE, make_context(script))


def test_a_docker_engine_is_out_of_buildctls_reach(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    engine = Daemon(name="docker", address=parse_address("docker://?host=unix:///run/engine.sock"))

    with pytest.raises(UsageError, match="buildctl can't reach docker://"):
        BuildctlBackend().build(looked_up(BuildRequest(context=str(project))), engine, make_context(""))


def test_two_files_are_one_too_many(make_context: Callable[[str], BackendContext], project: Path) -> None:
    outputs = (Output(type="oci", dest="a.tar"), Output(type="tar", dest="b.tar"))

    with pytest.raises(UsageError, match="a program has only one stdout"):
        BuildctlBackend().build(
            looked_up(BuildRequest(context=str(project), outputs=outputs)), ONE, make_context("")
        )


def test_the_command_is_shown_redacted_without_running_anything(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    request = BuildRequest(
        context=str(project),
        build_args={"API_TOKEN": "hidden"},
        secrets=(Secret(id="a", env="TOKEN"),),
        outputs=(Output(type="tar", dest="a.tar"),),
    )

    assert BuildctlBackend().command(looked_up(request), ONE, make_context("")) == [
        *("buildctl", "--addr", "tcp://one:1234", "build", "--frontend", "dockerfile.v0"),
        *(
            "--local",
            f"dockerfile={project}",
            "--local",
            f"context={project}",
            "--opt",
            "filename=Dockerfile",
        ),
        *("--opt", "build-arg:API_TOKEN=****", "--secret", "id=a,env=TOKEN"),
        *("--output", "type=tar,dest=a.tar"),
    ]


def test_a_build_elsewhere_can_be_shown_in_buildctls_words(
    make_context: Callable[[str], BackendContext], project: Path
) -> None:
    engine = Daemon(name="docker", address=parse_address("docker://"))

    shown = buildctl_command(looked_up(BuildRequest(context=str(project))), engine, make_context(""))

    assert list(shown[:3]) == ["buildctl", "--addr", "docker://"]
