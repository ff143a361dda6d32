"""From targets to requests: the same as the flags of `build` give."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.baking.keys import BakeKeys
from router.baking.requests import BakeBuild, BakePlace, bake_builds
from router.errors import UsageError
from router.model.build_options import Annotation, Attestation, ExtraHost, SSHAgent, Ulimit
from router.model.frozen import replace
from router.model.request import BuildRequest, CacheOption, Output, Secret
from tests.unit.bake.definitions import OUTSIDE, planned


def _builds(text: str, *wanted: str) -> tuple[BakeBuild, ...]:
    keys = BakeKeys("/nowhere", "mine")
    place = BakePlace(environment={"TOKEN": "t"}, local="linux/amd64")
    return bake_builds(planned(text, *wanted), keys, place)


def _request(fields: str) -> BuildRequest:
    (build,) = _builds(f'target "default" {{\n{fields}\n}}')
    return build.request


def test_a_target_without_fields_is_built_as_build_alone_would() -> None:
    assert _request("") == BuildRequest(context=".", dockerfile="Dockerfile")


def test_every_field_becomes_what_its_flag_gives() -> None:
    request = _request(
        """
        context = "app"
        dockerfile = "other/Dockerfile"
        contexts = { src = "cwd://lib/..", "alpine:latest" = "docker-image://alpine:3" }
        args = { A = "1", B = null }
        labels = { l = "x" }
        tags = ["app:1"]
        cache-from = ["type=registry,ref=r/c"]
        cache-to = [{ type = "local", dest = "a,b" }]
        target = "release"
        secret = ["id=TOKEN", "type=file,id=f,src=s.txt"]
        ssh = ["default", "key=/k1,/k2"]
        platforms = ["linux/amd64", "linux/arm64/v8"]
        output = ["type=oci,dest=o.tar", "out"]
        pull = true
        no-cache = true
        no-cache-filter = ["one", "two"]
        network = "host"
        shm-size = "1m"
        ulimits = ["nofile=1:2"]
        resources = { memory = "2k", cpu-shares = 5 }
        extra-hosts = { h = "1.2.3.4" }
        annotations = ["index:a=b"]
        attest = ["type=provenance,mode=max", "type=sbom,disabled=true"]
        entitlements = ["security.insecure"]
        """
    )

    assert request == BuildRequest(
        context="app",
        dockerfile="app/other/Dockerfile",
        build_contexts={"src": ".", "alpine": "docker-image://alpine:3"},
        build_args={"A": "1"},
        labels={"l": "x"},
        tags=("app:1",),
        cache_from=(CacheOption(type="registry", attrs={"ref": "r/c"}),),
        cache_to=(CacheOption(type="local", attrs={"dest": "a,b"}),),
        target="release",
        secrets=(Secret(id="TOKEN", env="TOKEN"), Secret(id="f", path="s.txt")),
        ssh=(SSHAgent(id="default"), SSHAgent(id="key", paths=("/k1", "/k2"))),
        platforms=("linux/amd64", "linux/arm64"),
        outputs=(Output(type="oci", dest="o.tar"), Output(type="local", dest="out")),
        pull=True,
        no_cache=True,
        no_cache_filter=("one", "two"),
        network="host",
        shm_size=1 << 20,
        ulimits=(Ulimit(name="nofile", soft=1, hard=2),),
        resources={"memory": "2048", "cpushares": "5"},
        add_hosts=(ExtraHost(host="h", addresses=("1.2.3.4",)),),
        annotations=(Annotation(key="a", value="b", type="index"),),
        attestations=(
            Attestation(type="provenance", attrs={"mode": "max"}),
            Attestation(type="sbom", disabled=True),
        ),
        allow=("security.insecure", "network.host"),
    )


@pytest.mark.parametrize(
    ("fields", "dockerfile"),
    [
        ('context = "a/b"\ndockerfile = "../D"', "a/D"),
        ('context = "a"\ndockerfile = "/x/D"', "/x/D"),
        ('context = "a"\ndockerfile = "https://example.com/D"', "https://example.com/D"),
        ('context = "https://example.com/r.git"\ndockerfile = "sub/D"', "sub/D"),
        ('context = "https://example.com/r.git"', "Dockerfile"),
    ],
)
def test_a_dockerfile_is_found_in_its_context(fields: str, dockerfile: str) -> None:
    assert _request(fields).dockerfile == dockerfile


def test_a_dockerfile_of_the_working_directory_is_found_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    request = _request('context = "https://example.com/r.git"\ndockerfile = "cwd://D"')

    assert request.dockerfile == str(tmp_path / "D")


def test_an_inline_dockerfile_is_text() -> None:
    request = _request('dockerfile-inline = "FROM scratch\\n"\ndockerfile = "D"')

    assert (request.dockerfile, request.dockerfile_text) == (None, b"FROM scratch\n")


@pytest.mark.parametrize(("call", "method"), [("lint", "check"), ("outline", "outline")])
def test_a_call_has_the_name_of_the_flag(call: str, method: str) -> None:
    assert _request(f'call = "{call}"').call == method


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ('policy = ["filename=p.rego"]', "target default: it has a policy"),
        ('output = ["type=floppy"]', "target default: .*unknown type floppy"),
        ('tags = ["A B"]', "target default: .*A B"),
        ('network = "moon"', "target default: .*moon"),
    ],
)
def test_what_can_t_be_built_names_its_target(fields: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        _request(fields)


_REPO = "https://example.com/org/repo.git"


def _of_repository(fields: str) -> BuildRequest:
    place = BakePlace(
        environment={"BUILDX_BAKE_GIT_AUTH_TOKEN": "t"}, local="linux/amd64", remote=f"{_REPO}#v1"
    )
    plan = planned(f'target "default" {{\n{fields}\n}}', seen=replace(OUTSIDE, remote=place.remote))
    (build,) = bake_builds(plan, BakeKeys(".", remote=place.remote), place)
    assert build.key.key == "example.com/org/repo#default"
    return build.request


def test_a_definition_of_a_repository_builds_from_it_with_what_it_was_cloned_with() -> None:
    request = _of_repository('context = "app"\ncontexts = { lib = "lib", here = "cwd://src" }')

    assert request == BuildRequest(
        context=f"{_REPO}#v1:app",
        dockerfile="Dockerfile",
        build_contexts={"lib": f"{_REPO}#v1:lib", "here": "src"},
        secrets=(Secret(id="GIT_AUTH_TOKEN.example.com", env="BUILDX_BAKE_GIT_AUTH_TOKEN"),),
    )


def test_other_hosts_get_no_credentials_of_a_definition_s_repository() -> None:
    assert _of_repository('context = "https://example.org/org/repo.git"').secrets == ()


def test_a_context_of_this_machine_needs_a_dockerfile_of_this_machine() -> None:
    with pytest.raises(UsageError, match="its context is here"):
        _of_repository('context = "cwd://app"')
    assert _of_repository('context = "cwd://app"\ndockerfile-inline = "FROM scratch"').context == "app"


def test_a_policy_that_is_disabled_is_none() -> None:
    assert _request('policy = ["disabled=true"]') == _request("")
