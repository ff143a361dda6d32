"""A named pipe at whose other end is nobody, in the place of each file that a build can be given.

`--timeout` is armed before any of them is opened, and so are signals. What must be a regular file is refused.
"""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.e2e.program import Finished
from tests.servers.buildkitd import Buildkitd
from tests.wire.cli.test_limits import INTERRUPTED, OUT_OF_TIME, PROMISED, start_time

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1", certificate-authority: pipe}}]
users: [{name: a, user: {token: x}}]
"""
DOCKERFILE = "FROM scratch\nCOPY Dockerfile /\n"
FILES = {
    "context/Dockerfile": DOCKERFILE,
    "ignoring/Dockerfile": DOCKERFILE,
    "tls/cert.pem": "",
    "tls/key.pem": "",
    "layout/oci-layout": '{"imageLayoutVersion":"1.0.0"}',
    "kubeconfig": KUBECONFIG,
    "checkout/Dockerfile": DOCKERFILE,
}
PIPES = (
    "pipe",
    "tls/ca.pem",
    "layout/index.json",
    "ignoring/.dockerignore",
    "without/Dockerfile",
    "checkout/.git/HEAD",
    "checkout/.git/config",
    "checkout/.git/index",
    "docker/config.json",
)


@dataclass(frozen=True)
class Given:
    """Options of a build; ``context``: empty where they leave no place for one."""

    options: str
    context: str = "context"
    daemon: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def words(self, address: str) -> list[str]:
        """Return what comes behind `warmroute build`."""
        to = (f"--addr={address}",) if self.daemon else ()
        return [*to, "--progress=plain", *shlex.split(self.options), *filter(None, [self.context])]


READ = {
    "--file": Given("--file pipe"),
    "--llb": Given("--llb pipe", context=""),
    "--source-policy-file": Given("--source-policy-file pipe"),
    "--secret": Given("--secret id=a,src=pipe"),
    "--ssh": Given("--ssh a=pipe"),
    "--ssh raw": Given("--ssh a=pipe,raw=true"),
    "--registry-auth-tlscontext": Given("--registry-auth-tlscontext host=a.test,ca=pipe"),
    "--tls-ca": Given("--tls-ca pipe"),
    "--tls-key": Given("--tls-cert tls/cert.pem --tls-key pipe"),
    "--tls-dir": Given("--tls-dir tls"),
    "--kubeconfig": Given("--selector a=b --kubeconfig pipe", daemon=False),
    "KUBECONFIG": Given("--selector a=b", daemon=False, environment={"KUBECONFIG": "pipe"}),
    "WARMROUTE_LLB": Given("", context="", environment={"WARMROUTE_LLB": "pipe"}),
    "buildctl --llb": Given("--backend buildctl --llb pipe", context=""),
    "--dry-run --llb": Given("--dry-run --llb pipe", context=""),
    "--dry-run --source-policy-file": Given("--dry-run --source-policy-file pipe"),
}
OPENED = {
    "--dry-run --file": Given("--dry-run --file pipe"),
    "a kubeconfig's CA": Given("--selector a=b --kubeconfig kubeconfig", daemon=False),
    "the files of git": Given("--context-times content", context="checkout"),
    "--cache-from": Given("--cache-from type=local,src=layout"),
    "--metadata-file": Given("--metadata-file pipe"),
    "--metrics-file": Given("--metrics-file pipe"),
    "--trace": Given("--trace pipe"),
    "--output": Given("--output type=tar,dest=pipe"),
    "buildctl --output": Given("--backend buildctl --output type=tar,dest=pipe"),
}
REFUSED = {
    "the context": (Given("", context="pipe"), "the build context pipe is not a directory"),
    "the Dockerfile": (Given("", context="without"), "the Dockerfile without/Dockerfile is not a file"),
    ".dockerignore": (Given("", context="ignoring"), "ignoring/.dockerignore is neither a file nor a link"),
    "--build-context": (Given("--build-context a=pipe"), "pipe is not a directory"),
    "--oci-layout": (
        Given("--frontend dockerfile.v0 --oci-layout a=layout", context=""),
        "layout/index.json is not a file",
    ),
    "--local": (
        Given("--frontend dockerfile.v0 --local context=pipe", context=""),
        "pipe is not a directory",
    ),
    "--output": (Given("--output type=local,dest=pipe"), "is not a directory"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with each pipe of a name that counts, and regular files beside them."""
    folder = write_tree(tmp_path / "folder", FILES)
    for name in PIPES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(folder / name)
    return folder


def built(given: Given, daemon: Buildkitd, folder: Path, *, timeout: float = 1.5) -> Finished:
    """Run the build with a time limit; what is waited for is told after 1 s."""
    command = Installed(environment=given.environment)
    return command.run("build", f"--timeout={timeout:g}s", *given.words(daemon.address), cwd=folder)


def _what(name: str) -> str:
    return "command" if name.startswith("--dry-run") else "build"


@pytest.mark.parametrize("name", READ)
def test_a_file_that_is_read_first_is_waited_for_no_longer_than_the_time_limit(
    buildkitd: Buildkitd, folder: Path, name: str
) -> None:
    done = built(READ[name], buildkitd, folder)

    assert done.code == OUT_OF_TIME, done.stderr
    assert f"ERROR: the {_what(name)} did not end within 1.5 s" in done.stderr
    assert "warmroute: waiting for data from " in done.stderr
    assert done.seconds < 1.5 + PROMISED + start_time()


@pytest.mark.parametrize("name", OPENED)
def test_a_file_that_is_opened_in_between_holds_a_build_no_longer_than_the_time_limit(
    buildkitd: Buildkitd, folder: Path, name: str
) -> None:
    # By then the build is at that file.
    done = built(OPENED[name], buildkitd, folder, timeout=2.0)

    assert done.code == OUT_OF_TIME, done.stderr
    assert f"ERROR: the {_what(name)} did not end within 2 s" in done.stderr
    assert done.seconds < 2.0 + PROMISED + start_time()


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_to_be_something_else_is_refused_at_once(
    buildkitd: Buildkitd, folder: Path, name: str
) -> None:
    given, message = REFUSED[name]

    done = built(given, buildkitd, folder)

    assert done.code == 2, done.stderr
    assert message in done.stderr


def test_a_docker_config_that_is_a_pipe_counts_as_none(buildkitd: Buildkitd, folder: Path) -> None:
    done = built(Given("", environment={"DOCKER_CONFIG": "docker"}), buildkitd, folder)

    assert done.code == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["--llb", "--source-policy-file", "--dry-run --llb", "--kubeconfig", "--secret", "--tls-ca"]
)
def test_one_interrupt_ends_the_wait(buildkitd: Buildkitd, folder: Path, name: str) -> None:
    given = READ[name]
    command = Installed(environment=given.environment)

    with command.started("build", *given.words(buildkitd.address), cwd=folder) as build:
        build.read_until(b"waiting for data from pipe\n")
        build.signal(signal.SIGINT)

        assert build.wait(within=2.0) == INTERRUPTED
    assert b"Traceback" not in build.output
