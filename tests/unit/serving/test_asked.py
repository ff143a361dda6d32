"""What a packed Solve asks for: its key by each rule, its sessions, what it leaves open."""

from __future__ import annotations

import pytest

from router._proto import control_pb2, ops_pb2
from router.placement.key import Key
from router.rpc.events import Http2Error
from router.rpc.protobuf import field, map_fields
from router.serving.asked import Asked, bridge_sessions, read_asked, session_key

_REMOTE = {"vcs:source": "git@github.com:acme/shop.git", "vcs:localdir:context": "services/api"}


def solve(
    attrs: dict[str, str] | None = None, *names: str, frontend: str = "dockerfile.v0", more: bytes = b""
) -> Asked:
    """Read a Solve with these attributes, and an exporter for each of these names."""
    request = control_pb2.SolveRequest(
        Ref="ref-1",
        Session="own",
        Frontend=frontend,
        FrontendAttrs=attrs or {},
        Exporters=[
            control_pb2.Exporter(Type="image", Attrs={"name": name, "push": "true"}) for name in names
        ],
    )
    return read_asked(memoryview(request.SerializeToString() + more))


def definition(**sessions: str) -> ops_pb2.Definition:
    """Return LLB that reads a directory of each of these sessions."""
    sources = [
        ops_pb2.SourceOp(identifier=f"local://{name}", attrs={"local.session": session})
        for name, session in sessions.items()
    ]
    return packed(*(ops_pb2.Op(source=each) for each in sources))


def packed(*operations: ops_pb2.Op) -> ops_pb2.Definition:
    """Return LLB of these operations; the field is called as a keyword of Python is."""
    return ops_pb2.Definition.FromString(b"".join(field(1, each.SerializeToString()) for each in operations))


def test_ref_session_and_platforms_are_as_they_were_sent() -> None:
    asked = solve({"platform": "linux/amd64,linux/arm64/v8"})

    assert (asked.ref, asked.session, asked.other_sessions) == ("ref-1", "own", ())
    assert asked.platforms == ("linux/amd64", "linux/arm64")
    assert (asked.internal, asked.probe) == (False, False)


@pytest.mark.parametrize(
    ("attrs", "names", "key"),
    [
        ({}, ("app:1",), Key(key="docker.io/library/app", rule="tag")),
        (_REMOTE, ("localhost:5000/team/app:1,app:2",), Key(key="localhost:5000/team/app", rule="tag")),
        ({}, ("", "*", "app"), Key(key="docker.io/library/app", rule="tag")),
        (_REMOTE, (), Key(key="github.com/acme/shop:services/api", rule="git")),
        (_REMOTE, ("*",), Key(key="github.com/acme/shop:services/api", rule="git")),
        (
            {"vcs:source": "https://user:pw@github.com/acme/shop", "vcs:localdir:context": "."},
            (),
            Key(key="github.com/acme/shop", rule="git"),
        ),
        (
            {"context": "https://github.com/acme/shop.git#main:services/api", **_REMOTE},
            (),
            Key(key="github.com/acme/shop:services/api", rule="url"),
        ),
        (
            {"input:context": "https://github.com/acme/shop.git?ref=main"},
            (),
            Key(key="github.com/acme/shop", rule="url"),
        ),
        (
            {"context": "https://example.com/context.tar.gz?signature=1"},
            (),
            Key(key="example.com/context.tar.gz", rule="url"),
        ),
    ],
)
def test_the_first_rule_that_applies_makes_the_key(
    attrs: dict[str, str], names: tuple[str, ...], key: Key
) -> None:
    assert solve(attrs, *names).key == key


@pytest.mark.parametrize(
    "attrs",
    [
        {},
        {"filename": "Dockerfile", "target": "test"},
        {"context": "http://buildkit-session/8x2kf"},
        {"context": "https://github.com/acme/shop.git?ref=a#b"},
        {"vcs:revision": "abc"},
        {"vcs:source": f"https://example.com/{'x' * 5000}"},
    ],
)
def test_what_names_nothing_has_no_key_of_its_own(attrs: dict[str, str]) -> None:
    assert solve(attrs, f"{'long' * 1000}:1").key is None


def test_what_the_old_field_names_is_a_name_too() -> None:
    request = control_pb2.SolveRequest(ExporterDeprecated="image", ExporterAttrsDeprecated={"name": "app"})

    assert read_asked(memoryview(request.SerializeToString())).key == Key(
        key="docker.io/library/app", rule="tag"
    )


def test_the_key_of_who_serves_counts_most() -> None:
    request = control_pb2.SolveRequest(Exporters=[control_pb2.Exporter(Attrs={"name": "app"})])

    assert read_asked(memoryview(request.SerializeToString()), "mine").key == Key(key="mine", rule="key")


def test_a_build_that_says_nothing_is_known_by_its_session_or_by_who_asks() -> None:
    assert session_key("shop:8f3", "name", "user 1000") == Key(key="shop:8f3", rule="session")
    assert session_key("", "name", "user 1000") == Key(key="name", rule="session")
    assert session_key("", "", "user 1000") == Key(key="user 1000", rule="connection")


def test_every_session_that_the_daemon_may_call_is_named() -> None:
    request = control_pb2.SolveRequest(
        Session="own",
        FrontendAttrs={
            "local-sessionid:context": "shared",
            "local-sessionid:dockerfile": "shared",
            "local-sessionid:docs": "other",
            "local-sessionid:none": "",
        },
        Definition=definition(context="of-llb", src="own"),
        FrontendInputs={"base": definition(context="of-input")},
    )

    asked = read_asked(memoryview(request.SerializeToString() + field(15, "of-policy")))

    assert sorted(asked.other_sessions) == ["of-input", "of-llb", "of-policy", "other", "shared"]


def test_the_sessions_of_a_solve_of_the_bridge_are_named() -> None:
    # Of its fields that our gateway.proto leaves out, with their numbers upstream.
    inputs = field(1, "base") + field(2, definition(context="of-input", src="shared").SerializeToString())
    request = (
        field(1, definition(context="of-llb").SerializeToString())
        + map_fields(3, {"local-sessionid:context": "shared"})
        + field(13, inputs)
    )

    assert bridge_sessions(memoryview(request)) == ("shared", "of-llb", "of-input")


@pytest.mark.parametrize(
    ("request_", "probe"),
    [
        (control_pb2.SolveRequest(Ref="r", Session="s", Internal=True), True),
        (
            control_pb2.SolveRequest(Ref="r", Session="s", Internal=True, Cache=control_pb2.CacheOptions()),
            True,
        ),
        (control_pb2.SolveRequest(Ref="r", Session="s"), False),
        (control_pb2.SolveRequest(Ref="r", Session="s", Internal=True, Frontend="dockerfile.v0"), False),
        (control_pb2.SolveRequest(Ref="r", Session="s", Internal=True, FrontendAttrs={"a": "b"}), False),
        (control_pb2.SolveRequest(Ref="r", Internal=True, Exporters=[control_pb2.Exporter()]), False),
    ],
)
def test_a_probe_is_an_internal_solve_of_nothing(request_: control_pb2.SolveRequest, probe: bool) -> None:
    assert read_asked(memoryview(request_.SerializeToString())).probe == probe


@pytest.mark.parametrize("platform", ["local", "", "no platform,linux", "/".join("abcde"), "a" * 5000])
def test_platforms_that_only_the_daemon_knows_or_refuses_are_left_out(platform: str) -> None:
    assert solve({"platform": platform}).platforms == ()


@pytest.mark.parametrize(
    "request_", [b"\x0a\xff", field(7, b"\x08\x01\x12"), b"\x38\x01", field(2, b"\x0a\x05a")]
)
def test_what_is_no_solve_is_refused(request_: bytes) -> None:
    with pytest.raises(Http2Error):
        read_asked(memoryview(request_))


def test_the_name_that_the_endpoint_is_called_by_goes_before_what_is_built_and_after_the_endpoints_key() -> (
    None
):
    request = memoryview(control_pb2.SolveRequest(Ref="ref-1", FrontendAttrs=_REMOTE).SerializeToString())

    assert read_asked(request, "", "shop").key == Key(key="shop", rule="host")
    assert read_asked(request, "mine", "shop").key == Key(key="mine", rule="key")
    assert read_asked(request, "", "").key == Key(key="github.com/acme/shop:services/api", rule="git")
