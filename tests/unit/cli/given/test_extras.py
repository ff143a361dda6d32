"""What the options that few builds have become in a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.build_options import (
    AttestationOptions,
    CacheOptions,
    ExtraOptions,
    GenericOptions,
    ImageOptions,
    StepOptions,
)
from cli.given.requests import build_request
from cli.groups import OptionGroup
from router.errors import UsageError
from router.model.build_options import Annotation, Attestation, ExtraHost, RegistryTLS, SSHAgent, Ulimit
from router.model.request import BuildRequest, CacheOption

FIELDS: dict[type[OptionGroup], str] = {
    ExtraOptions: "extra",
    StepOptions: "steps",
    CacheOptions: "caches",
    AttestationOptions: "attestations",
    GenericOptions: "generic",
}


def _image(*groups: OptionGroup) -> ImageOptions:
    return ImageOptions().replaced(**{FIELDS[type(group)]: group for group in groups})


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        (StepOptions(ssh=["default"]), BuildRequest(ssh=(SSHAgent(id="default"),))),
        (
            ExtraOptions(registry_tls=["host=a,ca=b.pem"]),
            BuildRequest(registry_tls=(RegistryTLS(host="a", ca="b.pem"),)),
        ),
        (ExtraOptions(context_times="content"), BuildRequest(context_times="content")),
        (ExtraOptions(call="outline,format=json"), BuildRequest(call="outline")),
        (ExtraOptions(check=True), BuildRequest(call="check")),
        (StepOptions(network="none"), BuildRequest(network="none")),
        (StepOptions(network="default"), BuildRequest()),
        (
            StepOptions(add_hosts=["a:10.0.0.1"]),
            BuildRequest(add_hosts=(ExtraHost(host="a", addresses=("10.0.0.1",)),)),
        ),
        (StepOptions(allow=["device"]), BuildRequest(allow=("device",))),
        (StepOptions(shm_size="1k"), BuildRequest(shm_size=1024)),
        (
            StepOptions(ulimits=["core=0"]),
            BuildRequest(ulimits=(Ulimit(name="core", soft=0, hard=0),)),
        ),
        (
            StepOptions(resources=["memory=1k"]),
            BuildRequest(resources={"memory": "1024"}),
        ),
        (StepOptions(cgroup_parent="/a"), BuildRequest(cgroup_parent="/a")),
        (StepOptions(cgroup_parent="default"), BuildRequest(cgroup_parent="default")),
        (StepOptions(proxy_network=True), BuildRequest(proxy_network=True)),
        (
            CacheOptions(no_cache_filter=["a,b", "c"]),
            BuildRequest(no_cache_filter=("a", "b", "c")),
        ),
        (
            CacheOptions(cache_from=["r.test/a,r.test/b"]),
            BuildRequest(
                cache_from=tuple(
                    CacheOption(type="registry", attrs={"ref": ref}) for ref in ("r.test/a", "r.test/b")
                )
            ),
        ),
        (
            CacheOptions(cache_to=["type=inline"]),
            BuildRequest(cache_to=(CacheOption(type="inline"),)),
        ),
        (
            ExtraOptions(annotations=["index:a=b"]),
            BuildRequest(annotations=(Annotation(key="a", value="b", type="index"),)),
        ),
        (
            AttestationOptions(sbom="true", provenance="false"),
            BuildRequest(
                attestations=(Attestation(type="provenance", disabled=True), Attestation(type="sbom"))
            ),
        ),
        (
            GenericOptions(frontend="gateway.v0", frontend_options=["source=r.test/f"], local_dirs=["a=."]),
            BuildRequest(
                generic=True,
                frontend="gateway.v0",
                frontend_options={"source": "r.test/f"},
                local_dirs={"a": "."},
            ),
        ),
        (
            GenericOptions(frontend="dockerfile.v0", oci_layouts=["base=dir"]),
            BuildRequest(generic=True, oci_layouts={"base": "dir"}),
        ),
        # An option for the frontend alone is for a Dockerfile as well.
        (
            GenericOptions(frontend_options=["target=a"]),
            BuildRequest(frontend_options={"target": "a"}),
        ),
    ],
)
def test_an_option_becomes_a_field(options: OptionGroup, request_: BuildRequest) -> None:
    assert build_request(_image(options), None).request == request_


def test_llb_and_a_source_policy_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "llb").write_bytes(b"\n\x00")
    (tmp_path / "policy").write_text("{}")

    files = GenericOptions(llb=str(tmp_path / "llb"))
    policy = AttestationOptions(source_policy_file=str(tmp_path / "policy"))
    request = build_request(_image(files, policy), None).request

    assert (request.definition, request.frontend, request.generic) == (b"\n\x00", "", True)
    assert request.source_policy == "{}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (GenericOptions(llb="nothing/there"), "can't read --llb nothing/there"),
        (
            AttestationOptions(source_policy_file="nothing/there"),
            "can't read --source-policy-file nothing/there",
        ),
        (
            GenericOptions(local_dirs=["a"], frontend="x"),
            'invalid --local "a": it is not of the form',
        ),
        (
            StepOptions(resources=["disk=1"]),
            'invalid --resource "disk=1": unknown resource disk',
        ),
        (StepOptions(resources=["cpu-quota=many"]), "it is not a whole number"),
    ],
)
def test_what_cannot_be_read_is_refused(options: OptionGroup, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_request(_image(options), None)

    assert message in str(caught.value)


def test_a_frontend_by_name_has_no_place_for_a_context() -> None:
    options = ImageOptions(context="app", generic=GenericOptions(frontend="gateway.v0"))

    with pytest.raises(UsageError, match=r"no place for a context \(app\)"):
        build_request(options, None)
