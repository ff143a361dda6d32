"""buildctl and buildx, as they are, through `warmroute serve` on a fleet that fails."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.storm import VIAS, result_in
from tests.e2e.builder import SEARCH_PATH, OciArchive, tar_of
from tests.servers import binaries
from tests.servers.cluster import Cluster
from tests.servers.ports import free_port

__all__ = ["ClientsOfEndpoints"]

_WARMROUTE = Path(sys.executable).with_name("warmroute")


class ClientsOfEndpoints:
    """Clients of three endpoints, one for each way to a pod; a context manager that serves.

    Their output is an OCI layout in a directory: its blobs have digests, so it is no output that can't be
    sent twice.
    """

    def __init__(self, cluster: Cluster, selector: str, scratch: Path) -> None:
        self._cluster = cluster
        self._selector = selector
        self._scratch = scratch
        self._sockets = {via: scratch / f"{via}.sock" for via in VIAS}
        self._pages = {via: f"127.0.0.1:{free_port()}" for via in VIAS}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for via in VIAS:
                self._serve(via, opened)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """What clients see."""
        return {
            "PATH": SEARCH_PATH,
            "HOME": str(self._scratch),
            "BUILDX_CONFIG": str(self._scratch / "buildx"),
        }

    def command(self, number: int, via: str, context: Path, out: Path) -> Sequence[str]:
        """Return a client's command: the ways and the clients take turns."""
        out.mkdir()
        image = f"registry.test/app-{number}:dev"
        if number // len(VIAS) % 2:
            return [
                *(str(binaries.buildx()), "build", "--builder", via, "--progress=plain", "--tag", image),
                *(f"--output=type=oci,tar=false,dest={out}", str(context)),
            ]
        return [
            *(str(binaries.buildctl()), "--addr", f"unix://{self._sockets[via]}", "build"),
            *("--progress=plain", "--frontend=dockerfile.v0"),
            *(f"--local=context={context}", f"--local=dockerfile={context}"),
            f"--output=type=oci,tar=false,name={image},dest={out}",
        ]

    def is_right(self, out: Path, payload: Path) -> bool:
        """Say whether an output is what was meant."""
        members = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        if "index.json" not in members:
            return False
        return OciArchive(tar_of(members)).files() == result_in(payload)

    def hears(self, number: int, via: str, line: str) -> None:
        """Need not know: the endpoints tell which pods have builds."""

    def ended(self, number: int) -> None:
        """The same."""

    def dialled(self) -> list[str]:
        """Return the pods that builds by their IP are on."""
        with urllib.request.urlopen(f"http://{self._pages['pod-ip']}/api/builds", timeout=30) as answer:
            in_flight = json.load(answer)["in_flight"]
        return sorted({build["daemon"] for build in in_flight if build["state"] == "building"})

    def _serve(self, via: str, opened: ExitStack) -> None:
        argv = [
            *(str(_WARMROUTE), "serve", "--selector", self._selector, "--via", via, "--wait", "120s"),
            *("--retries", "5", "--listen", f"unix://{self._sockets[via]}", "--status", self._pages[via]),
            *("--ready-fd", "1", "--grace", "0s"),
        ]
        log = opened.enter_context((self._scratch / f"{via}.log").open("wb"))
        environment = {**self.environment, "KUBECONFIG": str(self._cluster.kubeconfig)}
        serving = opened.enter_context(
            subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        )
        opened.callback(serving.terminate)
        assert serving.stdout is not None
        assert serving.stdout.readline(), (self._scratch / f"{via}.log").read_text()
        address = f"unix://{self._sockets[via]}"
        subprocess.run(
            [binaries.buildx(), "create", "--name", via, "--driver", "remote", address],
            env=dict(self.environment),
            check=True,
            capture_output=True,
        )
