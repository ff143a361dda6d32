"""The checks that need no daemon: what they make of what daemons and API servers have said."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

import pytest

from router.config import RouterConfig
from router.errors import DialError
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.mark import BuildMark
from router.model.record import BuildRecord
from router.operations.debug_daemon import DaemonVersion, GCRule, Worker
from router.operations.doctor.access import Review, Right, judge_rights, skew_of
from router.operations.doctor.daemons import check_clock, check_disk, check_gc, check_reach
from router.operations.doctor.docker import check_docker_config
from router.operations.doctor.facts import Facts, lag_of
from router.operations.doctor.whole_fleet import (
    check_balance,
    check_cache_mounts,
    check_identities,
    check_listing,
    check_platforms,
    check_versions,
)
from router.operations.each import Answer
from router.operations.usage import CacheRecord

NOW = 1_700_000_000 * 10**9
GB = 10**9
CAP = GCRule(
    all=True, filters=(), keep_duration=0, reserved_space=0, max_used_space=10 * GB, min_free_space=0
)
AMD, ARM = ("amd64", "linux", ""), ("arm64", "linux", "")


def daemon(name: str) -> Daemon:
    return Daemon(name=name, address=TcpAddress(host=f"{name}.test"))


def worker(identifier: str, *platforms: tuple[str, str, str], rules: tuple[GCRule, ...] = (CAP,)) -> Worker:
    version = DaemonVersion(package="", version="", revision="", dockerfile="")
    return Worker(
        id=identifier, labels={}, platforms=platforms or (AMD,), gc_rules=rules, version=version, devices=()
    )


def record(kind: str = "regular", *, size: int = 0, used: int = NOW, shared: bool = False) -> CacheRecord:
    return CacheRecord(
        id="r",
        type=kind,
        size=size,
        mutable=False,
        in_use=False,
        shared=shared,
        description='cached mount /c from exec /bin/sh with id "/go"',
        parents=(),
        usage_count=1,
        created=NOW - 10**9,
        last_used=used,
    )


def facts(*workers: Worker, version: str = "v1", records: tuple[CacheRecord, ...] | None = ()) -> Facts:
    return Facts(round_trip=0.002, version=version, workers=workers, records=records, now=NOW)


def test_a_daemon_that_answers_is_told_with_its_round_trip() -> None:
    found = check_reach(Answer(daemon=daemon("a"), value=facts(worker("w"))), {}, 5.0)

    assert (found.level, found.subject, found.result) == ("ok", "a", "answers in 2 ms")


def test_each_way_to_a_pod_is_told_also_where_one_is_closed() -> None:
    ways = {
        "exec": Answer(daemon=daemon("a"), value=0.05),
        "port-forward": Answer[float](daemon=daemon("a"), error=DialError("forbidden")),
    }

    found = check_reach(Answer(daemon=daemon("a"), value=facts(worker("w"))), ways, 5.0)  # type: ignore[arg-type]

    assert (found.level, found.result) == ("ok", "by exec: 50 ms; by port-forward: forbidden")


def test_a_daemon_that_does_not_answer_is_a_problem_with_its_hint() -> None:
    error = DialError("connection refused", hint="is it up?")

    found = check_reach(Answer[Facts](daemon=daemon("a"), error=error), {}, 5.0)

    assert (found.level, found.result, found.advice) == ("problem", "connection refused", "is it up?")


@pytest.mark.parametrize(("size", "level"), [(int(8.9 * GB), "ok"), (9 * GB, "note"), (11 * GB, "note")])
def test_a_full_cache_is_noted(size: int, level: str) -> None:
    records = (record(size=size), record(size=50 * GB, shared=True))

    found = check_disk(daemon("a"), facts(worker("w"), records=records))

    assert found.level == level
    assert "of 10 GB" in found.result


def test_what_is_not_known_of_a_disk_is_said() -> None:
    assert "did not list" in check_disk(daemon("a"), facts(worker("w"), records=None)).result
    assert "no gc rule limits it" in check_disk(daemon("a"), facts(worker("w", rules=()))).result


def test_a_policy_that_keeps_nothing_is_a_problem_with_the_lines_that_mend_it() -> None:
    rules = (replace(CAP, max_used_space=0),)

    (found,) = check_gc(daemon("a"), facts(worker("w", rules=rules)))

    assert found.level == "problem"
    assert "[[worker.oci.gcpolicy]]" in found.advice
    (fine,) = check_gc(daemon("a"), facts(worker("w")))
    assert fine.level == "ok"


@pytest.mark.parametrize(("seconds", "level"), [(-60, "ok"), (0.5, "ok"), (120, "problem")])
def test_a_record_from_the_future_shows_a_clock_that_is_ahead(seconds: float, level: str) -> None:
    used = NOW + int(seconds * 10**9)

    found = check_clock(daemon("a"), facts(worker("w"), records=(record(used=used),)))

    assert found.level == level
    assert ("by 120 s at least" in found.result) == (level == "problem")


@pytest.mark.parametrize(
    ("lag", "level", "result"),
    [
        (None, "ok", "can't be seen: it remembers no build of this machine"),
        (-2.0, "ok", "neither ahead of ours nor behind"),
        (0.5, "ok", "neither ahead of ours nor behind"),
        (90.0, "problem", "behind ours by 90 s at least: it dated our latest build before that was sent"),
    ],
)
def test_a_build_dated_before_it_was_sent_shows_a_clock_that_is_behind(
    lag: float | None, level: str, result: str
) -> None:
    known = facts(worker("w"), records=(record(used=NOW - 60 * 10**9),))

    found = check_clock(daemon("a"), replace(known, lag=None if lag is None else int(lag * 10**9)))

    assert found.level == level
    assert found.result.endswith(result)


def test_only_the_latest_build_of_this_machine_tells_of_a_clock() -> None:
    def built(at: int, created: int, by: str) -> BuildRecord:
        return BuildRecord(ref="r", created=created, mark=BuildMark(key="k", by=by, at=at))

    own = [built(100, 130, "ann@here"), built(200, 150, "here"), built(150, 500, "ann@here")]
    others = [built(900, 1, "ann@there"), built(0, 1, "ann@here"), BuildRecord(ref="r", created=1)]

    assert lag_of([*own, *others], "here") == 50
    assert lag_of(others, "here") is None


def test_a_clock_that_nothing_tells_is_unknown() -> None:
    assert check_clock(daemon("a"), facts(worker("w"))).level == "note"


@pytest.mark.parametrize(
    ("apart", "level", "text"),
    [(0, "ok", "is ours"), (-90, "problem", "behind ours"), (90, "problem", "ahead of ours")],
)
def test_the_clock_of_an_api_server_is_known_to_a_second_and_the_round_trip(
    apart: float, level: str, text: str
) -> None:
    began = 1_700_000_000.4

    found = skew_of(formatdate(began + apart, usegmt=True), began, 0.2)

    assert found.level == level
    assert text in found.result
    assert "to within 1.2 s" in found.result


def test_a_date_that_is_none_is_noted() -> None:
    assert skew_of("soon", 0.0, 0.1).level == "note"


ALL = {
    Right(resource=resource, verb=verb): True
    for resource, verbs in {
        "pods": ("list", "watch"),
        "pods/exec": ("create", "get"),
        "pods/portforward": ("create", "get"),
    }.items()
    for verb in verbs
}


def rights(config: RouterConfig, *denied: str, in_cluster: bool = False) -> list[tuple[str, str, str]]:
    reviews = [Review(right=right, allowed=str(right) not in denied) for right in ALL]
    found = judge_rights(config, "ci", reviews, in_cluster=in_cluster)
    return [(each.level, each.result, each.advice) for each in found]


PODS = RouterConfig(selector="app=b")


@pytest.mark.parametrize(
    ("via", "denied", "missing"),
    [
        ("auto", ("list pods",), "list pods"),
        ("auto", ("create pods/exec", "get pods/portforward"), "create pods/exec"),
        ("exec", ("get pods/exec",), "get pods/exec"),
        ("port-forward", ("create pods/portforward",), "create pods/portforward"),
        ("pod-ip", ("list pods",), "list pods"),
    ],
)
def test_a_right_that_the_way_takes_is_missed(via: str, denied: tuple[str, ...], missing: str) -> None:
    config = replace(PODS, via=via)  # type: ignore[arg-type]

    ((level, result, advice),) = rights(config, *denied)

    assert (level, result) == ("problem", f"missing in namespace ci: {missing}")
    verb, resource = missing.split()
    assert f'- {{apiGroups: [""], resources: [{resource}], verbs: [{verb}]}}' in advice


@pytest.mark.parametrize(
    ("via", "denied"),
    [
        ("auto", ()),
        ("auto", ("create pods/exec",)),
        ("auto", ("get pods/portforward",)),
        ("pod-ip", ("create pods/exec", "create pods/portforward")),
        ("exec", ("create pods/portforward", "watch pods")),
    ],
)
def test_a_right_that_the_way_does_not_take_is_not_missed(via: str, denied: tuple[str, ...]) -> None:
    ((level, _, _),) = rights(replace(PODS, via=via), *denied)  # type: ignore[arg-type]

    assert level == "ok"


def test_in_the_cluster_pods_are_reached_without_further_rights() -> None:
    denied = ("create pods/exec", "create pods/portforward")

    assert rights(PODS, *denied, in_cluster=True)[0][0] == "ok"


def test_who_waits_should_be_allowed_to_watch() -> None:
    levels = [level for level, _, _ in rights(replace(PODS, wait=60.0), "watch pods")]

    assert levels == ["ok", "note"]


def test_rights_that_cannot_be_asked_for_are_told() -> None:
    reviews = [Review(right=right, allowed=None, error="403 forbidden") for right in ALL]

    (found,) = judge_rights(PODS, "ci", reviews, in_cluster=False)

    assert (found.level, found.result) == ("problem", "can't ask: 403 forbidden")


def test_a_fleet_of_none_is_a_problem_and_one_that_lacks_some_is_noted() -> None:
    cordoned, fit = replace(daemon("a"), cordon="disk"), daemon("b")

    assert check_listing((), "pods").level == "problem"
    assert check_listing((cordoned,), "pods").level == "problem"
    assert check_listing((cordoned, fit), "pods").level == "note"
    assert "a is cordoned" in check_listing((cordoned, fit), "pods").result
    assert check_listing((fit,), "pods").level == "ok"


def test_two_daemons_of_one_identity_are_a_problem() -> None:
    twins = [replace(daemon(name), identity="node-1") for name in ("a", "b")]

    (found,) = check_identities(twins, {})

    assert found.level == "problem"
    assert found.result.startswith("a and b have the same identity")


def test_one_daemon_under_two_names_is_a_problem() -> None:
    known = {"a": facts(worker("w")), "b": facts(worker("w")), "c": facts(worker("x"))}

    (found,) = check_identities([daemon(name) for name in known], known)

    assert (found.level, found.result.partition(":")[0]) == ("problem", "a and b have the same worker")


def test_versions_that_differ_are_noted_with_their_daemons() -> None:
    known = {"a": facts(version="v1"), "b": facts(version="v2"), "c": facts(version="v1")}

    (found,) = check_versions(known)

    assert (found.level, found.result) == ("note", "v1 on a, c; v2 on b")
    (same,) = check_versions({"a": facts(version="v1"), "engine": facts(version="")})
    assert (same.level, same.result) == ("ok", "v1 on 1 daemon")
    assert list(check_versions({"engine": facts(version="")})) == []


def test_a_platform_that_some_lack_is_noted() -> None:
    known = {"a": facts(worker("w", AMD, ARM)), "b": facts(worker("x", AMD))}

    (found,) = check_platforms(known)

    assert (found.level, found.result) == ("note", "not on all: linux/arm64 on a")
    (same,) = check_platforms({"a": known["a"]})
    assert (same.level, same.result) == ("ok", "2 platforms on all")


def test_the_ring_of_buildx_is_uneven_where_ours_is_not() -> None:
    fleet = [daemon(f"buildkitd-{number}") for number in range(10)]

    (ours,), (theirs,) = check_balance(fleet, "ring"), check_balance(fleet, "buildx")

    assert (ours.level, theirs.level) == ("ok", "note")
    assert list(check_balance(fleet[:1], "ring")) == []


def test_a_cache_mount_on_two_daemons_is_noted_with_its_sizes() -> None:
    mount = record("exec.cachemount", size=2_000_000)
    known = {
        "a": facts(records=(mount,)),
        "b": facts(records=(replace(mount, size=5_000_000),)),
        "silent": facts(records=None),
    }

    (found,) = check_cache_mounts(known)

    assert (found.level, found.subject) == ("note", "go")
    assert found.result == "on 2 daemons: a (2 MB), b (5 MB)"
    (alone,) = check_cache_mounts({"a": known["a"]})
    assert alone.level == "ok"
    assert list(check_cache_mounts({"silent": known["silent"]})) == []


def test_a_credential_helper_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "there", "credHelpers": {"r.test": "gone"}}')
    there = tmp_path / "docker-credential-there"
    there.write_text("")
    there.chmod(0o755)
    environment = {"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)}

    (found,) = check_docker_config(environment)

    assert found.level == "problem"
    assert found.result == "the credential helper gone (for r.test) is missing: pushes there will fail"
    (fine,) = check_docker_config({"PATH": str(tmp_path)})
    assert fine.level == "ok"


def test_a_docker_config_that_is_broken_is_noted(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")

    (found,) = check_docker_config({"DOCKER_CONFIG": str(tmp_path)})

    assert found.level == "note"
    assert str(tmp_path) in found.result
