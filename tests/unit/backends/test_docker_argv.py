"""A request as docker build's flags."""

from __future__ import annotations

import pytest

from router.backends.docker_argv import (
    DockerPlan,
    build_arguments,
    docker_plan,
    engine_arguments,
    on_stdout,
)
from router.errors import UsageError
from router.model.address import DockerAddress
from router.model.build_options import Annotation, Attestation, ExtraHost, RegistryTLS, SSHAgent, Ulimit
from router.model.request import BuildRequest, CacheOption, Output, Secret
from tests.unit.prepared import prepared


def arguments(request: BuildRequest) -> list[str]:
    return build_arguments(request, docker_plan(prepared(request)))


@pytest.mark.parametrize(
    ("request_", "flags"),
    [
        (BuildRequest(tags=("app", "app:1")), ["--tag", "app", "--tag", "app:1"]),
        (BuildRequest(dockerfile="docker/Other"), ["--file", "docker/Other"]),
        (BuildRequest(dockerfile="x", dockerfile_text=b"FROM scratch"), ["--file", "-"]),
        (BuildRequest(build_args={"A": "b=c, d"}), ["--build-arg", "A=b=c, d"]),
        (BuildRequest(labels={"team": ""}), ["--label", "team="]),
        (BuildRequest(target="final"), ["--target", "final"]),
        (BuildRequest(platforms=("linux/amd64", "linux/arm64")), ["--platform", "linux/amd64,linux/arm64"]),
        (BuildRequest(no_cache=True, pull=True), ["--no-cache", "--pull"]),
        (BuildRequest(secrets=(Secret(id="a", path="/x,y"),)), ["--secret", 'id=a,"src=/x,y"']),
        (BuildRequest(secrets=(Secret(id="a", env="B"),)), ["--secret", "id=a,env=B"]),
        (
            BuildRequest(cache_from=(CacheOption(type="registry", attrs={"ref": "r/c"}),)),
            ["--cache-from", "type=registry,ref=r/c"],
        ),
        (
            BuildRequest(build_contexts={"base": "docker-image://a"}),
            ["--build-context", "base=docker-image://a"],
        ),
        (
            BuildRequest(annotations=(Annotation(key="a", value="b", type="index"),)),
            ["--annotation", "index:a=b"],
        ),
        (BuildRequest(allow=("security.insecure",)), ["--allow", "security.insecure"]),
        (BuildRequest(ssh=(SSHAgent(id="a", paths=("k1", "k2")),)), ["--ssh", "a=k1,k2"]),
        (
            BuildRequest(
                attestations=(Attestation(type="sbom"), Attestation(type="provenance", disabled=True))
            ),
            ["--attest", "type=sbom"],
        ),
        (BuildRequest(network="none"), ["--network", "none"]),
        (
            BuildRequest(add_hosts=(ExtraHost(host="a", addresses=("10.0.0.1", "::1")),)),
            ["--add-host", "a=10.0.0.1", "--add-host", "a=::1"],
        ),
        (BuildRequest(shm_size=1024), ["--shm-size", "1024"]),
        (BuildRequest(ulimits=(Ulimit(name="nofile", soft=1, hard=2),)), ["--ulimit", "nofile=1:2"]),
        (BuildRequest(cgroup_parent="/x"), ["--cgroup-parent", "/x"]),
        (BuildRequest(resources={"memswap": "-1"}), ["--resource", "memory-swap=-1"]),
        (BuildRequest(no_cache_filter=("a", "b")), ["--no-cache-filter", "a,b"]),
        (BuildRequest(cache_to=(CacheOption(type="inline"),)), ["--cache-to", "type=inline"]),
        (BuildRequest(outputs=(Output(type="local", dest="out"),)), ["--output", "type=local,dest=out"]),
        (BuildRequest(outputs=(Output(type="cacheonly"),)), ["--output", "type=cacheonly"]),
        (BuildRequest(frontend_options={"force-network-mode": "host"}), ["--network", "host"]),
        (BuildRequest(frontend_options={"context:a": "https://b"}), ["--build-context", "a=https://b"]),
        (BuildRequest(build_args={"A": "1"}, frontend_options={"build-arg:A": "2"}), ["--build-arg", "A=2"]),
        (
            BuildRequest(frontend="gateway.v0", frontend_options={"source": "r/f:1"}),
            ["--build-arg", "BUILDKIT_SYNTAX=r/f:1"],
        ),
        (BuildRequest(build_args={"BUILDKIT_SYNTAX": "r/f x"}), ["--build-arg", "BUILDKIT_SYNTAX=r/f x"]),
    ],
)
def test_a_field_becomes_its_flag(request_: BuildRequest, flags: list[str]) -> None:
    assert arguments(request_) == [*flags, "."]


def test_a_dockerfile_may_stand_in_the_place_of_the_context() -> None:
    request = BuildRequest(context="-", dockerfile_text=b"FROM scratch")

    assert build_arguments(request, docker_plan(prepared(request))) == ["-"]


def test_the_context_comes_last() -> None:
    assert arguments(BuildRequest(context="https://git.example/a.git#main", target="x")) == [
        "--target",
        "x",
        "https://git.example/a.git#main",
    ]


@pytest.mark.parametrize(
    ("address", "argv"),
    [
        (DockerAddress(), ["docker"]),
        (DockerAddress(context="far"), ["docker", "--context", "far"]),
        (DockerAddress(endpoint="ssh://me@far"), ["docker", "--host", "ssh://me@far"]),
    ],
)
def test_the_engine_is_named_by_host_or_context(address: DockerAddress, argv: list[str]) -> None:
    assert engine_arguments(address) == argv


@pytest.mark.parametrize(
    ("request_", "plan"),
    [
        (BuildRequest(tags=("a",)), DockerPlan(tags=("a",))),
        (BuildRequest(tags=("a",), load=True), DockerPlan(tags=("a",))),
        (BuildRequest(tags=("a", "b"), push=True), DockerPlan(tags=("a", "b"), push=True)),
        (
            BuildRequest(outputs=(Output(type="image", attrs={"name": "a,b", "push": "true"}),)),
            DockerPlan(tags=("a", "b"), push=True),
        ),
        (
            BuildRequest(outputs=(Output(type="registry", attrs={"name": "a"}),)),
            DockerPlan(tags=("a",), push=True),
        ),
    ],
)
def test_an_image_stays_in_the_engine_and_is_pushed_from_there(
    request_: BuildRequest, plan: DockerPlan
) -> None:
    assert docker_plan(prepared(request_)) == plan


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            BuildRequest(
                outputs=(Output(type="local", dest="a"), Output(type="tar", dest="b")),
            ),
            "one output only",
        ),
        (BuildRequest(load=True, outputs=(Output(type="local", dest="a"),)), "one output only"),
        (
            BuildRequest(outputs=(Output(type="image", attrs={"name": "a", "compression": "zstd"}),)),
            "the key compression",
        ),
    ],
)
def test_outputs_that_docker_build_lacks_are_refused(request_: BuildRequest, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        docker_plan(prepared(request_))

    assert caught.value.hint is not None
    assert "--backend native" in caught.value.hint


def test_a_frontend_option_without_a_flag_is_refused() -> None:
    with pytest.raises(UsageError, match="no flag for the frontend's option source-policy"):
        arguments(BuildRequest(frontend_options={"source-policy": "x"}))


def test_a_file_goes_through_stdout_and_a_tree_does_not() -> None:
    file = docker_plan(prepared(BuildRequest(outputs=(Output(type="tar", dest="a.tar"),))))
    tree = docker_plan(prepared(BuildRequest(outputs=(Output(type="local", dest="a"),))))

    assert build_arguments(BuildRequest(), on_stdout(file)) == ["--output", "type=tar,dest=-", "."]
    assert build_arguments(BuildRequest(), on_stdout(tree)) == ["--output", "type=local,dest=a", "."]


@pytest.mark.parametrize(
    "request_",
    [
        BuildRequest(generic=True, frontend="gateway.v0"),
        BuildRequest(context_archive="context.tar"),
        BuildRequest(source_policy="{}"),
        BuildRequest(proxy_network=True),
        BuildRequest(context_times="content"),
        BuildRequest(registry_tls=(RegistryTLS(host="a", insecure=True),)),
    ],
)
def test_what_docker_has_no_flag_for_is_refused(request_: BuildRequest) -> None:
    with pytest.raises(UsageError, match="the docker backend can't pass on"):
        docker_plan(prepared(request_))
