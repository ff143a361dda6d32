"""Inputs that can be read once, as shells give them: every backend gets them whole, in every attempt."""

from __future__ import annotations

import shlex
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from router import RouterConfig
from router.model.routing import BackendName
from tests.addressed import addressed
from tests.e2e.builder import write_tree
from tests.e2e.processes import BIN, Installed
from tests.e2e.program import Finished
from tests.e2e.test_native_failover import key_of
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.certs import CA
from tests.servers.dockerd import Dockerd
from tests.servers.openssh import make_key, openssh_image
from tests.servers.ports import free_port
from tests.servers.registry import Registry

DOCKERFILE = """\
FROM {base} AS base
ARG NONCE
RUN --mount=type=secret,id=a,required --mount=type=secret,id=b cat /run/secrets/* >/secrets
FROM scratch
COPY --from=base /secrets /
"""
BACKENDS: tuple[BackendName, ...] = ("native", "buildctl", "docker")


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Runs lines of bash in which `build` is a whole command line of warmroute up to the context."""

    options: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]

    def line(self, text: str) -> list[str]:
        """Return the argv of such a line."""
        words = [str(BIN / "warmroute"), "build", *self.options]
        return ["/bin/bash", "-c", f'build() {{ {shlex.join(words)} "$@" .; }}; {text}']

    def run(self, text: str, stdin: bytes = b"") -> Finished:
        """Run a line to its end."""
        return Installed(name="/bin/bash", environment=self.environment).run(
            *self.line(text)[1:], cwd=self.folder, stdin=stdin
        )

    def secrets(self, text: str, stdin: bytes = b"") -> bytes:
        """Run a line that builds; return what the step read."""
        done = self.run(text, stdin)
        assert done.code == 0, done.stderr
        with tarfile.open(self.folder / "out.tar") as archive:
            found = archive.extractfile("secrets")
            assert found is not None
            return found.read()


@pytest.fixture
def shells(buildkitd: Buildkitd, dockerd: Dockerd, tmp_path: Path, busybox: str) -> dict[str, Shell]:
    folder = write_tree(tmp_path / "project", {"Dockerfile": DOCKERFILE.format(base=busybox)})
    common = (f"--build-arg=NONCE={tmp_path}", "--no-cache", "--output=type=tar,dest=out.tar")
    engine = ("--addr", f"docker://?host={dockerd.host}", "--network=host")  # it has no bridge
    return {
        name: Shell(
            options=(
                *common,
                f"--backend={name}",
                *(engine if name == "docker" else ("--addr", buildkitd.address)),
            ),
            folder=folder,
            environment={**dockerd.environment, "HOME": str(tmp_path)},
        )
        for name in BACKENDS
    }


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("build --secret id=a,src=<(printf x)", b"x"),
        ("build --secret id=a,src=<(printf x) --secret id=b,src=<(printf y)", b"xy"),
        ("printf x | build --secret id=a,src=/dev/stdin", b"x"),
        ("printf x | build --secret id=a,src=/dev/stdin --secret id=b,src=/proc/self/fd/0", b"xx"),
        ("printf x >file; build --secret id=a,src=/dev/stdin <file", b"x"),
        ("mkfifo pipe; (printf x >pipe &) ; build --secret id=a,src=pipe", b"x"),
        ("build --file <(cat Dockerfile) --secret id=a,src=<(printf x)", b"x"),
        ("cat Dockerfile | build --file /dev/stdin --secret id=a,src=<(printf x)", b"x"),
    ],
)
def test_what_can_be_read_once_reaches_the_step(
    shells: dict[str, Shell], backend: str, line: str, read: bytes
) -> None:
    assert shells[backend].secrets(line) == read


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_second_attempt_has_it_too(shells: dict[str, Shell], buildkitd: Buildkitd, backend: str) -> None:
    nobody = f"tcp://127.0.0.1:{free_port()}"
    fleet = (("home", nobody), ("other", buildkitd.address))
    key = key_of(RouterConfig(addresses=addressed(*fleet)), "home")
    options = shlex.join([f"--addr=home={nobody}", f"--addr=other={buildkitd.address}", f"--key={key}"])
    shell = shells[backend]
    shell = Shell(
        options=tuple(word for word in shell.options if word not in {"--addr", buildkitd.address}),
        folder=shell.folder,
        environment=shell.environment,
    )

    line = f"build -v {options} --file <(cat Dockerfile) --secret id=a,src=<(printf x)"

    assert shell.secrets(line) == b"x"


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_an_ssh_key_can_come_from_a_command(
    buildkitd: Buildkitd, registry: Registry, tmp_path: Path, backend: str
) -> None:
    key = make_key(tmp_path / "key", "ed25519")
    image = registry.push(openssh_image(), "openssh")
    step = f"# {tmp_path}\nFROM {image}\nRUN --mount=type=ssh,required=true ssh-add -l\n"
    shell = Shell(
        options=("--no-cache", "--progress=plain", "--addr", buildkitd.address, f"--backend={backend}"),
        folder=write_tree(tmp_path / "project", {"Dockerfile": step}),
        environment={},
    )

    done = shell.run(f"build --ssh default=<(cat {key})")

    assert done.code == 0, done.stderr
    assert "(ED25519)" in done.stderr


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_an_argument_that_no_program_takes_is_told(
    buildkitd: Buildkitd, tmp_path: Path, backend: str
) -> None:
    folder = write_tree(tmp_path / "project", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    # As long as a variable can be: with its name in front it is too long for an argument.
    environment = {"LONG": "x" * (128 * 1024 - len("LONG=") - 1)}
    command = Installed(environment=environment)

    done = command.run(
        *("build", "--addr", buildkitd.address, f"--backend={backend}", "--build-arg=LONG", "."), cwd=folder
    )

    assert done.code == (0 if backend == "native" else 2), done.stderr
    assert backend == "native" or "the argument build-arg:LONG=... is longer than the 128 KiB" in done.stderr


@pytest.fixture(scope="module")
def authority() -> CA:
    return CA()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, authority: CA) -> Iterator[Buildkitd]:
    with start_buildkitd(tmp_path_factory.mktemp("secured"), unix=False, tls=authority) as daemon:
        yield daemon


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_certificates_can_come_from_commands(
    secured: Buildkitd, authority: CA, tmp_path: Path, backend: str
) -> None:
    folder = write_tree(tmp_path / "project", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    authority.write_tls_dir(tmp_path / "tls", authority.client())
    nobody = f"tcp://127.0.0.1:{free_port()}"
    key = key_of(RouterConfig(addresses=addressed(("home", nobody), ("other", secured.address))), "home")
    shell = Shell(
        options=(
            f"--addr=home={nobody}",
            f"--addr=other={secured.address}",
            f"--key={key}",
            f"--backend={backend}",
        ),
        folder=folder,
        environment={},
    )
    files = " ".join(
        f"--tls-{name} <(cat {tmp_path}/tls/{file}.pem)"
        for name, file in {"ca": "ca", "cert": "cert", "key": "key"}.items()
    )

    done = shell.run(f"build {files}")

    assert done.code == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("cat Dockerfile | build --file - --secret id=a,src=/dev/stdin", "the Dockerfile and /dev/stdin"),
        ("cat Dockerfile | build --file - --tls-ca /proc/self/fd/0", "the Dockerfile and /proc/self/fd/0"),
        (
            "echo {} | build --source-policy-file /dev/stdin --secret id=a,src=/dev/stdin",
            "the source policy and /dev/stdin",
        ),
        ("echo {} | build --source-policy-file /dev/stdin --file -", "the source policy and /dev/stdin"),
    ],
)
def test_stdin_is_not_given_out_twice(shells: dict[str, Shell], line: str, what: str) -> None:
    done = shells["native"].run(line)

    assert done.code == 2, done.stderr
    assert f"{what} can't both come from stdin" in done.stderr


def test_a_result_on_stdout_does_not_replace_the_file_that_stdout_is(shells: dict[str, Shell]) -> None:
    shell = shells["native"]

    done = shell.run(
        "(echo before; build --secret id=a,src=/dev/null --iidfile /dev/stdout; echo after) >log"
    )

    assert done.code == 0, done.stderr
    lines = (shell.folder / "log").read_text().splitlines()
    assert (lines[0], lines[-1][-5:]) == ("before", "after")


def test_descriptors_reach_a_program_that_is_run_on_a_daemon(buildkitd: Buildkitd, tmp_path: Path) -> None:
    line = f"exec {BIN}/warmroute exec --addr {buildkitd.address} -- cat <(printf x)"

    done = Installed(name="/bin/bash").run("-c", line, cwd=tmp_path)

    assert (done.code, done.stdout) == (0, "x")
