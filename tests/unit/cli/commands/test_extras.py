"""What the options that few builds have become in a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.requests import ExtraOptions, ImageOptions, build_request
from router.errors import UsageError
from router.model.build_options import Annotation, Attestation, ExtraHost, RegistryTLS, SSHAgent, Ulimit
from router.model.request import BuildRequest, CacheOption


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        (ExtraOptions(ssh=["default"]), BuildRequest(ssh=(SSHAgent(id="default"),))),
        (
            ExtraOptions(registry_tls=["host=a,ca=b.pem"]),
            BuildRequest(registry_tls=(RegistryTLS(host="a", ca="b.pem"),)),
        ),
        (ExtraOptions(network="none"), BuildRequest(network="none")),
        (ExtraOptions(network="default"), BuildRequest()),
        (
            ExtraOptions(add_hosts=["a:10.0.0.1"]),
            BuildRequest(add_hosts=(ExtraHost(host="a", addresses=("10.0.0.1",)),)),
        ),
        (ExtraOptions(allow=["device"]), BuildRequest(allow=("device",))),
        (ExtraOptions(shm_size="1k"), BuildRequest(shm_size=1024)),
        (ExtraOptions(ulimits=["core=0"]), BuildRequest(ulimits=(Ulimit(name="core", soft=0, hard=0),))),
        (ExtraOptions(resources=["memory=1k"]), BuildRequest(resources={"memory": "1024"})),
        (ExtraOptions(cgroup_parent="/a"), BuildRequest(cgroup_parent="/a")),
        (ExtraOptions(proxy_network=True), BuildRequest(proxy_network=True)),
        (ExtraOptions(no_cache_filter=["a,b", "c"]), BuildRequest(no_cache_filter=("a", "b", "c"))),
        (
            ExtraOptions(cache_from=["r.test/a,r.test/b"]),
            BuildRequest(
                cache_from=tuple(
                    CacheOption(type="registry", attrs={"ref": ref}) for ref in ("r.test/a", "r.test/b")
                )
            ),
        ),
        (ExtraOptions(cache_to=["type=inline"]), BuildRequest(cache_to=(CacheOption(type="inline"),))),
        (
            ExtraOptions(annotations=["index:a=b"]),
            BuildRequest(annotations=(Annotation(key="a", value="b", type="index"),)),
        ),
        (
            ExtraOptions(sbom="true", provenance="false"),
            BuildRequest(
                attestations=(Attestation(type="provenance", disabled=True), Attestation(type="sbom"))
            ),
        ),
        (
            ExtraOptions(frontend="gateway.v0", frontend_options=["source=r.test/f"], local_dirs=["a=."]),
            BuildRequest(
                generic=True,
                frontend="gateway.v0",
                frontend_options={"source": "r.test/f"},
                local_dirs={"a": "."},
            ),
        ),
        (
            ExtraOptions(frontend="dockerfile.v0", oci_layouts=["base=dir"]),
            BuildRequest(generic=True, oci_layouts={"base": "dir"}),
        ),
        # An option for the frontend alone is for a Dockerfile as well.
        (ExtraOptions(frontend_options=["target=a"]), BuildRequest(frontend_options={"target": "a"})),
    ],
)
def test_an_option_becomes_a_field(options: ExtraOptions, request_: BuildRequest) -> None:
    assert build_request(ImageOptions(extra=options), None).request == request_


def test_llb_and_a_source_policy_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "llb").write_bytes(b"\n\x00")
    (tmp_path / "policy").write_text("{}")

    extra = ExtraOptions(llb=str(tmp_path / "llb"), source_policy_file=str(tmp_path / "policy"))
    request = build_request(ImageOptions(extra=extra), None).request

    assert (request.definition, request.frontend, request.generic) == (b"\n\x00", "", True)
    assert request.source_policy == "{}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ExtraOptions(llb="nothing/there"), "can't read --llb nothing/there"),
        (ExtraOptions(source_policy_file="nothing/there"), "can't read --source-policy-file nothing/there"),
        (ExtraOptions(local_dirs=["a"], frontend="x"), 'invalid --local "a": it is not of the form'),
        (ExtraOptions(resources=["disk=1"]), 'invalid --resource "disk=1": unknown resource disk'),
        (ExtraOptions(resources=["cpu-quota=many"]), "it is no whole number"),
    ],
)
def test_what_cannot_be_read_is_refused(options: ExtraOptions, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_request(ImageOptions(extra=options), None)

    assert message in str(caught.value)


def test_a_frontend_by_name_has_no_place_for_a_context() -> None:
    options = ImageOptions(context="app", extra=ExtraOptions(frontend="gateway.v0"))

    with pytest.raises(UsageError, match=r"no place for a context \(app\)"):
        build_request(options, None)
