"""Which exporter each output asks the daemon for, and what comes back here."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.model.request import BuildRequest, Output, OutputType
from router.solve.exporters import Delivery, ExportPlan, export_plans
from router.solve.request import Exporter
from tests.unit.prepared import prepared


def plan(kind: str, delivery: Delivery = "none", dest: str = "", **attrs: str) -> ExportPlan:
    return ExportPlan(exporter=Exporter(type=kind, attrs=attrs), delivery=delivery, dest=dest)


PUSHED = {"push": "true", "unpack": "false"}


@pytest.mark.parametrize(
    ("request_", "plans"),
    [
        (BuildRequest(), ()),
        (BuildRequest(tags=("a:1",)), ()),
        (BuildRequest(tags=("a:1",), push=True), (plan("image", "none", "", name="a:1", **PUSHED),)),
        (
            BuildRequest(tags=("a:1", "b:2"), push=True),
            (plan("image", "none", "", name="a:1,b:2", **PUSHED),),
        ),
        (BuildRequest(tags=("a:1",), load=True), (plan("docker", "load", name="a:1"),)),
        (
            BuildRequest(tags=("a:1",), load=True, push=True),
            (plan("image", "none", "", name="a:1", **PUSHED), plan("docker", "load", name="a:1")),
        ),
        (BuildRequest(outputs=(Output(type="image"),)), (plan("image"),)),
        (BuildRequest(outputs=(Output(type="local", dest="out"),)), (plan("local", "tree", "out"),)),
        (BuildRequest(outputs=(Output(type="tar", dest="-"),)), (plan("tar", "file", "-"),)),
        (
            BuildRequest(tags=("a:1",), outputs=(Output(type="oci", dest="a.tar"),)),
            (plan("oci", "file", "a.tar", name="a:1"),),
        ),
        (
            BuildRequest(outputs=(Output(type="oci", dest="out", attrs={"tar": "false"}),)),
            (plan("oci", "image-directory", "out", tar="false"),),
        ),
        (BuildRequest(outputs=(Output(type="docker", dest="a.tar"),)), (plan("docker", "file", "a.tar"),)),
        (BuildRequest(outputs=(Output(type="cacheonly"),)), ()),
    ],
)
def test_a_buildkitd_is_asked_for(request_: BuildRequest, plans: tuple[ExportPlan, ...]) -> None:
    assert export_plans(prepared(request_), engine=False) == plans


@pytest.mark.parametrize(
    ("request_", "plans"),
    [
        (BuildRequest(), (plan("moby"),)),
        (BuildRequest(tags=("a:1",)), (plan("moby", name="a:1"),)),
        (BuildRequest(tags=("a:1",), load=True), (plan("moby", name="a:1"),)),
        (BuildRequest(tags=("a:1",), push=True), (plan("moby", "none", "", name="a:1", **PUSHED),)),
        (BuildRequest(outputs=(Output(type="local", dest="out"),)), (plan("local", "tree", "out"),)),
        (BuildRequest(outputs=(Output(type="cacheonly"),)), ()),
    ],
)
def test_an_engine_keeps_what_nothing_else_is_said_about(
    request_: BuildRequest, plans: tuple[ExportPlan, ...]
) -> None:
    assert export_plans(prepared(request_), engine=True) == plans


@pytest.mark.parametrize("kind", ["local", "tar", "oci"])
def test_an_output_without_its_destination_is_refused(kind: OutputType) -> None:
    with pytest.raises(UsageError, match=f"type={kind} needs a destination"):
        export_plans(prepared(BuildRequest(outputs=(Output(type=kind),))), engine=False)


def test_what_is_pushed_needs_a_name() -> None:
    with pytest.raises(UsageError, match="--push needs a --tag"):
        export_plans(prepared(BuildRequest(push=True)), engine=False)
