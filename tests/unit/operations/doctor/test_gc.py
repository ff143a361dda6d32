"""Which rules of garbage collection leave what makes builds warm alone until the next build."""

from __future__ import annotations

import tomllib

import pytest

from router.notation.gc_policy import WorkerName, gc_policy
from router.operations.debug_daemon import GCRule
from router.operations.doctor.gc import cache_limit, gc_faults, gc_policy_lines, size_text

HOUR = 3600 * 10**9
GB = 10**9
SOURCES = ("type==source.local", "type==exec.cachemount", "type==source.git.checkout")


def rule(
    *filters: str, hours: float = 0, most: int = 0, reserved: int = 0, free: int = 0, everything: bool = False
) -> GCRule:
    return GCRule(
        all=everything,
        filters=filters,
        keep_duration=int(hours * HOUR),
        reserved_space=reserved,
        max_used_space=most,
        min_free_space=free,
    )


CAP = rule(most=100 * GB, reserved=10 * GB, free=20 * GB)
BUILDKITS_OWN = (rule(*SOURCES, hours=48, most=GB // 2), rule(hours=60 * 24, most=100 * GB), CAP)


def test_the_daemons_own_policy_gives_up_contexts_and_mounts_over_a_weekend() -> None:
    (fault,) = gc_faults(BUILDKITS_OWN, 2 * GB)

    assert fault.level == "note"
    assert fault.text == (
        "gives up contexts, cache mounts and git checkouts unused for 2 days,"
        " as soon as the whole cache exceeds 500 MB (now 2 GB)"
    )


@pytest.mark.parametrize(
    ("given", "level", "text"),
    [
        (rule(), "problem", "gives up layers, contexts and cache mounts"),
        (rule(hours=1), "problem", "gives up layers, contexts and cache mounts unused for 1 hours"),
        (rule(hours=48), "note", "gives up layers, contexts and cache mounts unused for 2 days"),
        (
            rule("type==exec.cachemount", most=100_000_000),
            "problem",
            "gives up cache mounts, as soon as the whole cache exceeds 100 MB",
        ),
        (
            rule("type=source.local", hours=0.5),
            "problem",
            "gives up contexts unused for 1800 s",
        ),
        (
            rule("type==source.local", hours=12, most=5 * GB),
            "note",
            "gives up contexts unused for 12 hours, as soon as the whole cache exceeds 5 GB",
        ),
    ],
)
def test_what_does_not_live_until_the_next_build_is_told(given: GCRule, level: str, text: str) -> None:
    (fault,) = gc_faults((given, CAP), None)

    assert (fault.level, fault.text) == (level, text)


@pytest.mark.parametrize(
    "given",
    [
        rule(*SOURCES, hours=336, most=60 * GB),
        rule(hours=60 * 24),
        rule(most=50 * GB),
        rule(free=10 * GB),
        rule(everything=True, most=50 * GB),
        rule("type==exec.cachemount", most=50 * GB),
        rule("type==internal", hours=1),
        rule("id==abc"),
    ],
)
def test_what_lives_long_enough_is_no_fault(given: GCRule) -> None:
    assert gc_faults((given, CAP), GB) == ()


def test_no_rules_are_a_cache_that_grows() -> None:
    (fault,) = gc_faults((), None)

    assert (fault.level, "until the disk is full" in fault.text) == ("note", True)


def test_the_limit_of_the_whole_cache_is_the_lowest_that_spares_nothing() -> None:
    assert cache_limit(BUILDKITS_OWN) == 100 * GB
    assert cache_limit((*BUILDKITS_OWN, rule(most=GB, reserved=2 * GB))) == 2 * GB
    assert cache_limit((rule("type==regular", most=GB),)) == 0


@pytest.mark.parametrize("worker", ["oci", "containerd"])
def test_the_lines_that_mend_it_are_those_of_a_worker(worker: WorkerName) -> None:
    _, *lines = gc_policy_lines(worker).split("\n")

    policy = tomllib.loads("\n".join(lines))["worker"][worker]["gcpolicy"]
    assert policy == tomllib.loads(gc_policy(None, worker))["worker"][worker]["gcpolicy"]
    assert max(map(len, lines)) < 70


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (21_474_836_480, "21.5 GB")]
)
def test_a_size_has_three_digits(size: int, text: str) -> None:
    assert size_text(size) == text
