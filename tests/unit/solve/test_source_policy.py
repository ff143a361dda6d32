"""A source policy in JSON as BuildKit's message."""

from __future__ import annotations

import json

import pytest

from router.errors import UsageError
from router.rpc.protobuf import read, submessage, text
from router.solve.source_policy import source_policy


def test_a_rule_with_everything_is_packed() -> None:
    rule = {
        "action": "convert",
        "selector": {
            "identifier": "docker-image://*",
            "MATCH_TYPE": "REGEX",
            "constraints": [{"key": "k", "value": "v", "condition": 1}],
        },
        "updates": {"identifier": "docker-image://b", "attrs": {"x": "y"}},
    }

    message = dict(read(memoryview(source_policy(json.dumps({"version": 1, "rules": [rule]})))))

    packed = dict(submessage(message[2]))
    selector = dict(submessage(packed[2]))
    constraint = dict(submessage(selector[3]))
    assert (message[1], packed[1], selector[2], constraint[3]) == (1, 2, 2, 1)
    assert text(selector[1]) == "docker-image://*"
    assert text(dict(submessage(packed[3]))[1]) == "docker-image://b"


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("", "it is not valid JSON"),
        ("[]", "the policy is not an object"),
        ('{"rule": []}', 'the policy has no field "rule"'),
        ('{"rules": {}}', "the policy's rules is not a list"),
        ('{"rules": [{"action": "ASK"}]}', "the policy's rules[0]'s action is not one of ALLOW, DENY"),
        ('{"rules": [{"selector": {"identifier": 1}}]}', "identifier is not a string"),
        ('{"rules": [{"updates": {"attrs": {"a": 1}}}]}', "attrs is not an object with string values"),
        ('{"version": true}', "version is not a number"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_place(policy: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        source_policy(policy)

    assert why in str(caught.value)
