"""What buildctl's form of a build has no place for."""

from __future__ import annotations

from typing import Any

import pytest

from router import BuildRequest
from router.errors import UsageError
from router.solve.located import checked


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"dockerfile": "x"}, "--file"),
        ({"dockerfile_text": b"FROM scratch"}, "--file"),
        ({"context_archive": "x.tar"}, "a context on stdin"),
        ({"build_contexts": {"a": "."}}, "--build-context"),
    ],
)
@pytest.mark.parametrize("form", [{"frontend": "gateway.v0"}, {"frontend": "", "definition": b"llb"}])
def test_a_frontend_is_handed_directories_only(form: Any, fields: Any, flag: str) -> None:
    with pytest.raises(UsageError, match=f"no place for {flag}$"):
        checked(BuildRequest(generic=True, **form, **fields))


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"build_args": {"A": "b"}}, "--build-arg"),
        ({"frontend_options": {"a": "b"}}, "--opt"),
        ({"labels": {"a": "b"}}, "--label"),
        ({"target": "a"}, "--target"),
        ({"pull": True}, "--pull"),
        ({"network": "host"}, "--network"),
        ({"shm_size": 1}, "--shm-size"),
        ({"resources": {"memory": "1"}}, "--resource"),
        ({"cgroup_parent": "/a"}, "--cgroup-parent"),
        ({"no_cache_filter": ("a",)}, "--no-cache-filter"),
    ],
)
def test_llb_has_nobody_to_read_a_frontends_options(fields: Any, flag: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag} has no effect on LLB"):
        checked(BuildRequest(generic=True, frontend="", definition=b"llb", **fields))

    checked(BuildRequest(generic=True, frontend="gateway.v0", **fields))
