"""Provenance in SLSA's older form."""

from __future__ import annotations

import pytest

from router.operations.slsa import as_v02, without_details, without_mark

V1 = {
    "buildDefinition": {
        "buildType": "https://example.com/type",
        "externalParameters": {
            "configSource": {
                "uri": "https://example.com/x.git",
                "digest": {"sha1": "a"},
                "path": "Dockerfile",
            },
            "request": {"frontend": "dockerfile.v0", "args": {"a": "b"}},
        },
        "internalParameters": {
            "buildConfig": {"llbDefinition": []},
            "builderPlatform": "linux/amd64",
            "custom": 1,
        },
        "resolvedDependencies": [{"uri": "pkg:docker/a", "digest": {"sha256": "b"}, "name": "dropped"}],
    },
    "runDetails": {
        "builder": {"id": "me"},
        "metadata": {
            "invocationId": "abc",
            "startedOn": "2026-01-01T00:00:00Z",
            "finishedOn": "2026-01-01T00:00:01Z",
            "buildkit_metadata": {"vcs": {"revision": "r"}},
            "buildkit_hermetic": True,
            "buildkit_completeness": {"request": True, "resolvedDependencies": False},
        },
    },
}


def test_each_fact_finds_its_old_place() -> None:
    assert as_v02(V1) == {
        "builder": {"id": "me"},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "materials": [{"uri": "pkg:docker/a", "digest": {"sha256": "b"}}],
        "invocation": {
            "configSource": {
                "uri": "https://example.com/x.git",
                "digest": {"sha1": "a"},
                "entryPoint": "Dockerfile",
            },
            "parameters": {"frontend": "dockerfile.v0", "args": {"a": "b"}},
            "environment": {"platform": "linux/amd64", "custom": 1},
        },
        "buildConfig": {"llbDefinition": []},
        "metadata": {
            "buildInvocationID": "abc",
            "buildStartedOn": "2026-01-01T00:00:00Z",
            "buildFinishedOn": "2026-01-01T00:00:01Z",
            "completeness": {"parameters": True, "environment": True, "materials": False},
            "reproducible": False,
            "https://mobyproject.org/buildkit@v1#metadata": {"vcs": {"revision": "r"}},
            "https://mobyproject.org/buildkit@v1#hermetic": True,
        },
    }


def test_steps_and_times_can_be_left_out() -> None:
    assert without_details(as_v02(V1)).keys() == {"builder", "buildType", "materials", "invocation"}


def test_another_form_is_no_provenance() -> None:
    with pytest.raises(KeyError):
        as_v02({"buildType": "other"})


def test_what_warmroute_left_among_the_options_is_none_of_the_provenance() -> None:
    own = {"warmroute.key": "app", "warmroute.by": "ann@host"}

    def predicate(args: dict[str, str], root_args: dict[str, str]) -> dict[str, object]:
        root = {"configSource": {}, "request": {"frontend": "dockerfile.v0", "args": root_args}}
        parameters = {"frontend": "gateway.v0", "args": args, "root": root}
        return {"builder": {}, "invocation": {"parameters": parameters, "environment": {}}}

    marked = predicate({"target": "a", **own}, {"target": "b", **own})
    assert without_mark(marked) == predicate({"target": "a"}, {"target": "b"})

    alone = {"invocation": {"parameters": {"frontend": "dockerfile.v0", "args": own}}}
    assert without_mark(alone) == {"invocation": {"parameters": {"frontend": "dockerfile.v0"}}}
