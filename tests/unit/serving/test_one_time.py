"""Which calls of a client's session a second daemon may make."""

from __future__ import annotations

import pytest

from router.serving.one_time import why_once


@pytest.mark.parametrize(
    "path",
    [
        "/moby.filesync.v1.FileSync/DiffCopy",
        "/moby.filesync.v1.FileSync/TarStream",
        "/moby.filesync.v1.Auth/FetchToken",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        "/moby.sshforward.v1.SSH/ForwardAgent",
        "/moby.buildkit.v1.sourcepolicy.policysession.PolicyVerifier/CheckPolicy",
        "/moby.exporter.v1.Exporter/FindExporters",
        "/containerd.services.content.v1.Content/Write",
        "/grpc.health.v1.Health/Check",
    ],
)
def test_what_is_read_may_be_read_again(path: str) -> None:
    assert why_once(path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/moby.filesync.v1.FileSend/DiffCopy", "its output had begun to reach the client"),
        ("/moby.exporter.v1.Exporter/FinalizeExport", "its output had reached the client"),
        ("/moby.upload.v1.Upload/Pull", "standard input"),
        ("/moby.filesync.v2.FileSync/DiffCopy", "/moby.filesync.v2.FileSync/DiffCopy"),
        ("", "may work only once"),
    ],
)
def test_what_works_once_says_why(path: str, why: str) -> None:
    assert why in why_once(path)
