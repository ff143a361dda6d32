"""What an exported build tells nobody."""

from __future__ import annotations

import json

from router.operations.export_builds import _CREDENTIALS, _masked, _without_credentials


def test_of_caches_only_where_they_are_is_kept() -> None:
    imports = [{"Type": "gha", "Attrs": {"scope": "main", "token": "hidden", "ref": "r", "url": "u"}}]
    kept = json.loads(_without_credentials(json.dumps(imports)))
    assert kept == [{"Type": "gha", "Attrs": {"scope": "main", "ref": "r"}}]
    assert _without_credentials("no JSON") == ""


def test_credentials_in_the_commands_of_a_trace_are_masked() -> None:
    spans = b'{"Value": "build --cache-to type=s3,secret_access_key=hidden,x=y --cache-from Token=hidden2"}'
    assert _CREDENTIALS.sub(_masked, spans) == (
        b'{"Value": "build --cache-to type=s3,secret_access_key=xxxxx,x=y --cache-from Token=xxxxx"}'
    )
    assert _CREDENTIALS.sub(_masked, b"ghs_" + b"a" * 36) == b"xxxxx"
