"""The endpoint's HTTP/2, held against the RFC by a client that nobody here wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

from router.flags.listen import parse_listen
from router.serving.client import Services
from router.serving.endpoint import Endpoint
from router.serving.listener import Admission
from router.serving.listening import listen_on
from tests.e2e.test_http2_conformance import CASES, EXCEPTIONS
from tests.servers import binaries
from tests.servers.ports import free_port
from tests.wire.serving.peers import Busy


def test_h2spec_finds_nothing(tmp_path: Path) -> None:
    report, port = tmp_path / "report.xml", free_port()
    entrances = listen_on([parse_listen(f"tcp://127.0.0.1:{port}")], (), Admission(), lambda _: None)
    argv = [str(binaries.h2spec()), "-h", "127.0.0.1", "-p", str(port), "-o", "5", "-j", str(report)]

    with Endpoint(entrances, Services(router=Busy(), methods={})) as endpoint:
        endpoint.start()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)

    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {str(case.get("classname")) for case in cases if len(case)}  # an `error` or a `failure` in it
    assert len(cases) == CASES, done.stdout
    assert failed == set(EXCEPTIONS), done.stdout
