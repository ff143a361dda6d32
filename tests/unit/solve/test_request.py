"""What of a request stands where in the SolveRequest."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from router._proto import control_pb2 as pb
from router.errors import UsageError
from router.model.build_options import Annotation, Attestation
from router.model.request import BuildRequest, CacheOption
from router.solve.inputs import Inputs
from router.solve.request import Exporter, SolveIdentity, frontend_attrs, solve_request

INPUTS = Inputs(directories={"context": ".", "dockerfile": "."}, attrs={"filename": "Dockerfile"})


def message(request: BuildRequest, *exporters: Exporter) -> pb.SolveRequest:
    identity = SolveIdentity(ref="ref", session_id="session")
    return pb.SolveRequest.FromString(solve_request(request, INPUTS, exporters, identity))


@pytest.mark.parametrize(
    ("request_", "attrs"),
    [
        (BuildRequest(), {}),
        (
            BuildRequest(build_args={"A": "1", "EMPTY": ""}),
            {"build-arg:A": "1", "build-arg:EMPTY": ""},
        ),
        (BuildRequest(labels={"team": "a,b=c"}), {"label:team": "a,b=c"}),
        (BuildRequest(target="stage"), {"target": "stage"}),
        (
            BuildRequest(platforms=("linux/amd64", "linux/arm64")),
            {"platform": "linux/amd64,linux/arm64"},
        ),
        (BuildRequest(no_cache=True), {"no-cache": ""}),
        (BuildRequest(pull=True), {"image-resolve-mode": "pull"}),
        (
            BuildRequest(target="stage", frontend_options={"target": "other", "add-hosts": "a=1"}),
            {"target": "other", "add-hosts": "a=1"},
        ),
        (
            BuildRequest(build_args={"BUILDKIT_SYNTAX": " image:1 --flag "}),
            {
                "build-arg:BUILDKIT_SYNTAX": " image:1 --flag ",
                "source": "image:1",
                "cmdline": " image:1 --flag ",
            },
        ),
    ],
)
def test_each_field_is_an_option_of_the_frontend(request_: BuildRequest, attrs: Mapping[str, str]) -> None:
    assert frontend_attrs(request_, INPUTS)[1] == {"filename": "Dockerfile", **attrs}


INDEX = (Annotation(key="a", value="b", type="index"),)
SBOM, NO_PROVENANCE = Attestation(type="sbom"), Attestation(type="provenance", disabled=True)


@pytest.mark.parametrize(
    ("request_", "attested"),
    [
        (BuildRequest(annotations=INDEX), ["attest:provenance"]),
        (BuildRequest(annotations=(Annotation(key="a", value="b", type="manifest"),)), []),
        (BuildRequest(annotations=INDEX, platforms=("linux/amd64", "linux/arm64")), []),
        (BuildRequest(annotations=INDEX, attestations=(SBOM,)), ["attest:sbom"]),
        (BuildRequest(annotations=INDEX, attestations=(NO_PROVENANCE,)), []),
    ],
)
def test_an_image_is_attested_where_an_annotation_needs_an_index_and_nothing_else_makes_one(
    request_: BuildRequest, attested: list[str]
) -> None:
    assert [name for name in frontend_attrs(request_, INPUTS)[1] if name.startswith("attest:")] == attested


@pytest.mark.parametrize(
    ("request_", "frontend"),
    [
        (BuildRequest(), "dockerfile.v0"),
        (BuildRequest(frontend="gateway.v0", frontend_options={"source": "image:1"}), "gateway.v0"),
        (BuildRequest(build_args={"BUILDKIT_SYNTAX": "image:1"}), "gateway.v0"),
    ],
)
def test_a_frontend_that_is_an_image_is_run_by_the_gateway(request_: BuildRequest, frontend: str) -> None:
    assert frontend_attrs(request_, INPUTS)[0] == frontend


def test_an_empty_buildkit_syntax_is_refused() -> None:
    with pytest.raises(UsageError, match="BUILDKIT_SYNTAX= is empty"):
        frontend_attrs(BuildRequest(build_args={"BUILDKIT_SYNTAX": " "}), INPUTS)


def test_the_first_exporter_stands_where_old_daemons_look() -> None:
    made = message(
        BuildRequest(),
        Exporter(type="moby", attrs={"name": "a"}),
        Exporter(type="local", attrs={}),
    )

    assert [(exporter.Type, dict(exporter.Attrs)) for exporter in made.Exporters] == [
        ("moby", {"name": "a"}),
        ("local", {}),
    ]
    assert (made.ExporterDeprecated, dict(made.ExporterAttrsDeprecated)) == ("moby", {"name": "a"})


def test_without_exporters_there_is_none_at_all() -> None:
    made = message(BuildRequest())

    assert (list(made.Exporters), made.ExporterDeprecated) == ([], "")


def test_caches_are_imported_and_exported() -> None:
    made = message(
        BuildRequest(
            cache_from=(CacheOption(type="registry", attrs={"ref": "r/cache"}),),
            cache_to=(CacheOption(type="inline"),),
        )
    )

    assert [(option.Type, dict(option.Attrs)) for option in made.Cache.Imports] == [
        ("registry", {"ref": "r/cache"})
    ]
    assert [option.Type for option in made.Cache.Exports] == ["inline"]


def test_the_host_network_is_granted_where_it_is_asked_for() -> None:
    asked = message(BuildRequest(frontend_options={"force-network-mode": "host"}))
    other = message(BuildRequest(frontend_options={"force-network-mode": "none"}))

    assert (list(asked.Entitlements), list(other.Entitlements)) == (["network.host"], [])


def test_the_solve_has_its_name_and_its_session() -> None:
    made = message(BuildRequest())

    assert (made.Ref, made.Session) == ("ref", "session")


def test_text_that_is_no_utf8_is_the_users_mistake() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        message(BuildRequest(labels={"name": "\udcff"}))


def test_the_mark_stands_in_the_first_output_where_neither_a_frontend_nor_a_provenance_sees_it() -> None:
    identity = SolveIdentity(ref="ref", session_id="session", mark={"warmroute.key": "app"})
    exporters = [Exporter(type="image", attrs={"name": "a"}), Exporter(type="tar", attrs={})]

    sent = pb.SolveRequest.FromString(solve_request(BuildRequest(), INPUTS, exporters, identity))

    assert [dict(each.Attrs) for each in sent.Exporters] == [{"name": "a", "warmroute.key": "app"}, {}]
    assert "warmroute.key" not in sent.FrontendAttrs


@pytest.mark.parametrize(("frontend", "has"), [("dockerfile.v0", True), ("gateway.v0", False)])
def test_without_an_output_the_mark_is_an_option_of_a_frontend_that_is_known_to_leave_it_alone(
    frontend: str, has: bool
) -> None:
    identity = SolveIdentity(ref="ref", session_id="session", mark={"warmroute.key": "app"})
    request = BuildRequest(frontend=frontend)

    sent = pb.SolveRequest.FromString(solve_request(request, INPUTS, [], identity))

    assert ("warmroute.key" in sent.FrontendAttrs) == has
