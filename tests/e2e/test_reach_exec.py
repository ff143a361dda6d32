"""`warmroute exec` and `warmroute dial-stdio` with the programs they are for: real buildctl and buildx."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import BIN, Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.certs import CA
from tests.servers.cluster import Cluster
from tests.servers.sshd import HOST, start_sshd

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /hello\n", "hello": "hello\n"}
BUILDCTL = ("buildctl", "--timeout=20", "build", "--frontend=dockerfile.v0", "--local=context=.")


@pytest.fixture
def warmroute() -> Installed:
    return Installed()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", HELLO)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Buildkitd, Path]]:
    """A daemon that wants TLS, and a directory with what its clients need."""
    directory = tmp_path_factory.mktemp("secured")
    authority = CA()
    with start_buildkitd(directory, tls=authority, unix=False) as daemon:
        yield daemon, authority.write_tls_dir(directory / "client", authority.client())


def build(*routing: str | Path, into: Path) -> list[str | Path]:
    """Return a build by buildctl of the directory it runs in."""
    out = f"--output=type=local,dest={into}"
    return ["exec", *routing, *BUILDCTL, "--local=dockerfile=.", out]


def test_buildctl_is_given_an_address_that_it_can_dial_as_it_is(
    warmroute: Installed, buildkitd: Buildkitd
) -> None:
    done = warmroute.ok("exec", "--addr", buildkitd.address, "--", "sh", "-c", "echo $BUILDKIT_HOST")
    assert done.stdout == f"{buildkitd.address}\n"
    assert done.stderr == ""


def test_buildctl_builds_on_the_keys_home(
    warmroute: Installed, buildkitd_three: tuple[Buildkitd, ...], context: Path, tmp_path: Path
) -> None:
    fleet = ",".join(f"d{number}={daemon.address}" for number, daemon in enumerate(buildkitd_three))
    chosen = warmroute.ok("where", "--addr", fleet, "--format", "json", "--key=some-key").json["home"]
    home = buildkitd_three[int(chosen[1:])]

    done = warmroute.ok("exec", "--addr", fleet, "--key", "some-key", "sh", "-c", "echo $BUILDKIT_HOST")
    built = warmroute.run(*build("--addr", fleet, "--key", "some-key", into=tmp_path / "out"), cwd=context)

    assert done.stdout == f"{home.address}\n"
    assert built.code == 0, built.stderr
    assert (tmp_path / "out" / "hello").read_text() == "hello\n"


def test_the_key_is_the_contexts_where_none_is_given(
    warmroute: Installed, buildkitd: Buildkitd, context: Path
) -> None:
    arguments = ("--addr", buildkitd.address, "-v", "true")
    done = warmroute.ok("exec", "--context", context, *arguments)
    assert f"key {context} (rule: path)" in done.stderr
    assert f"connected to {buildkitd.address}" in done.stderr
    assert "key docker.io/library/app (rule: tag)" in warmroute.ok("exec", "--tag", "app", *arguments).stderr


def test_a_daemon_under_tls_is_a_private_socket_for_the_command(
    warmroute: Installed, secured: tuple[Buildkitd, Path], context: Path, tmp_path: Path
) -> None:
    daemon, tls = secured
    routing = ("--addr", daemon.address, "--tls-dir", tls)
    script = 'host=${BUILDKIT_HOST#unix://}; stat -c %a "$(dirname $host)"; echo $host'

    mode, path = warmroute.ok("exec", *routing, "sh", "-c", script).stdout.split()
    built = warmroute.run(*build(*routing, into=tmp_path / "out"), cwd=context)

    assert mode == "700"
    assert not os.path.exists(os.path.dirname(path))
    assert built.code == 0, built.stderr
    assert (tmp_path / "out" / "hello").read_text() == "hello\n"


def test_buildx_builds_on_the_chosen_daemon(
    secured: tuple[Buildkitd, Path], context: Path, tmp_path: Path
) -> None:
    daemon, tls = secured
    script = textwrap.dedent(f"""
        set -e
        {binaries.buildx()} create --name routed --driver remote $BUILDKIT_HOST
        {binaries.buildx()} build --builder routed --output type=local,dest={tmp_path / "out"} .
        {binaries.buildx()} build --builder routed --output type=local,dest={tmp_path / "again"} .
        {binaries.buildx()} rm routed
    """)
    environment = {"HOME": str(tmp_path), "BUILDX_CONFIG": str(tmp_path / "buildx")}
    done = Installed(environment=environment).run(
        "exec", "--addr", daemon.address, "--tls-dir", tls, "--", "sh", "-c", script, cwd=context
    )
    assert done.code == 0, done.stderr
    for out in ("out", "again"):
        assert (tmp_path / out / "hello").read_text() == "hello\n"


@pytest.mark.xdist_group("cluster")
@pytest.mark.parametrize("via", ["exec", "port-forward"])
@pytest.mark.usefixtures("fleet")
def test_buildctl_builds_in_a_pod_without_kubectl(
    cluster: Cluster, context: Path, tmp_path: Path, via: str
) -> None:
    warmroute = Installed(environment={"KUBECONFIG": str(cluster.kubeconfig)})
    routing = ("--selector", "app=buildkitd", "--via", via, "--key", "k")
    built = warmroute.run(*build(*routing, into=tmp_path / "out"), cwd=context)
    assert built.code == 0, built.stderr
    assert (tmp_path / "out" / "hello").read_text() == "hello\n"


def test_the_first_daemon_that_answers_is_taken(
    warmroute: Installed, buildkitd: Buildkitd, tmp_path: Path
) -> None:
    with start_buildkitd(tmp_path / "frozen", unix=False) as frozen:
        frozen.freeze()
        fleet = f"a={frozen.address},b={buildkitd.address}"
        keys = (str(number) for number in range(100))
        key = next(key for key in keys if home(warmroute, fleet, key) == "a")
        routing = ("--addr", fleet, "--key", key, "--connect-timeout", "1")
        done = warmroute.ok("exec", *routing, "-v", "printenv", "BUILDKIT_HOST")
        frozen.thaw()
    assert done.stdout == f"{buildkitd.address}\n"
    assert "did not answer in time" in done.stderr


def home(warmroute: Installed, fleet: str, key: str) -> str:
    """Return the name of a key's home."""
    return str(warmroute.ok("where", "--addr", fleet, "--format", "json", "--key", key).json["home"])


def test_without_a_daemon_the_command_does_not_run(warmroute: Installed, tmp_path: Path) -> None:
    done = warmroute.run("exec", "--addr", "tcp://127.0.0.1:1", "touch", tmp_path / "ran")
    assert done.code == 69
    assert not (tmp_path / "ran").exists()


def test_a_command_that_does_not_exist_is_told(warmroute: Installed, buildkitd: Buildkitd) -> None:
    done = warmroute.run("exec", "--addr", buildkitd.address, "no-such-program")
    assert done.code == 69
    assert "no-such-program is not installed" in done.stderr
    missing = warmroute.run("exec", "--addr", buildkitd.address)
    assert (missing.code, "exec needs a command: warmroute exec -- COMMAND" in missing.stderr) == (2, True)


def test_exit_code_stdin_and_arguments_are_the_commands_own(
    warmroute: Installed, buildkitd: Buildkitd
) -> None:
    script = 'cat; printf "%s|" "$@"; exit 7'
    done = warmroute.run(
        *("exec", "--addr", buildkitd.address, "sh", "-c", script, "-", "--key", "-v", "a b"), stdin=b"in\n"
    )
    assert (done.code, done.stdout) == (7, "in\n--key|-v|a b|")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_command_that_a_signal_ends_ends_warmroute_so(
    warmroute: Installed, buildkitd: Buildkitd, number: signal.Signals
) -> None:
    done = warmroute.run("exec", "--addr", buildkitd.address, "sh", "-c", f"kill -{number.value} $$")
    assert done.code == -number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(
    warmroute: Installed, buildkitd: Buildkitd, secured: tuple[Buildkitd, Path], number: signal.Signals
) -> None:
    daemon, tls = secured
    name = number.name.removeprefix("SIG")
    script = f'trap "echo got it; exit 9" {name}; echo ready; while :; do sleep 0.05; done'
    for routing in (("--addr", buildkitd.address), ("--addr", daemon.address, "--tls-dir", tls)):
        with warmroute.started("exec", *routing, "sh", "-c", script) as process:
            process.read_until(b"ready\n")
            process.process.send_signal(number)  # to warmroute alone
            process.read_until(b"got it\n")
            assert process.process.wait(10) == 9


def test_the_terminals_keys_reach_the_command_once(warmroute: Installed, buildkitd: Buildkitd) -> None:
    program = textwrap.dedent("""
        import signal, sys, time
        seen = []
        signal.signal(signal.SIGINT, lambda *_: seen.append(1))
        print("ready", sys.stdin.isatty(), sys.stdout.isatty(), flush=True)
        end = time.monotonic() + 20
        while not seen and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
        print("seen", len(seen), flush=True)
        sys.exit(5)
    """)
    leader, follower = pty.openpty()
    command = (BIN / "warmroute", "exec", "--addr", buildkitd.address, sys.executable, "-c", program)
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        env=warmroute.variables,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    try:
        said = _read(leader, b"ready True True")
        os.write(leader, b"\x03")
        said = _read(leader, b"seen 1")
        assert b"ERROR" not in said
        assert process.wait(10) == 5
    finally:
        process.kill()
        os.close(leader)


def _read(descriptor: int, until: bytes) -> bytes:
    said = b""
    while until not in said:
        said += os.read(descriptor, 4096)
    return said


def ssh_that_routes(folder: Path, *routing: str | Path) -> Path:
    """Write a program that buildctl takes for ssh, and that runs `warmroute dial-stdio` instead."""
    program = folder / "ssh"
    program.write_text(f"#!/bin/sh\nexec {BIN / 'warmroute'} dial-stdio {' '.join(map(str, routing))}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def test_buildctl_builds_through_dial_stdio(
    secured: tuple[Buildkitd, Path], context: Path, tmp_path: Path
) -> None:
    daemon, tls = secured
    content = os.urandom(1 << 24)
    (context / "hello").write_bytes(content)
    folder = ssh_that_routes(tmp_path, "--addr", daemon.address, "--tls-dir", tls)
    output = f"--output=type=local,dest={tmp_path / 'out'}"
    done = subprocess.run(
        ["buildctl", "--addr=ssh://routed", *BUILDCTL[1:], "--local=dockerfile=.", output],
        env={"PATH": f"{folder}:{binaries.buildctl().parent}:/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=context,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "hello").read_bytes() == content


def test_a_line_in_authorized_keys_makes_a_host_the_way_to_a_fleet(
    buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    command = f"{BIN / 'warmroute'} dial-stdio --addr {buildkitd.address} --key team-a"
    with start_sshd(tmp_path / "sshd", remote_path="/usr/bin:/bin", command=command) as sshd:
        output = f"--output=type=local,dest={tmp_path / 'out'}"
        done = subprocess.run(
            ["buildctl", f"--addr=ssh://{HOST}", *BUILDCTL[1:], "--local=dockerfile=.", output],
            env={"PATH": f"{sshd.path}:{binaries.buildctl().parent}", "HOME": str(tmp_path)},
            cwd=context,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "hello").read_text() == "hello\n"


@pytest.mark.parametrize("tls", [False, True])
def test_the_end_of_stdin_ends_dial_stdio(
    warmroute: Installed, buildkitd: Buildkitd, secured: tuple[Buildkitd, Path], tls: bool
) -> None:
    daemon, directory = secured
    routing = ("--addr", daemon.address, "--tls-dir", directory) if tls else ("--addr", buildkitd.address)
    done = warmroute.run("dial-stdio", *routing, within=20)
    assert done.code == 0, done.stderr
    assert done.stdout.startswith("\0\0")  # the daemon's SETTINGS
    assert done.seconds < 10


def test_a_reader_that_goes_away_ends_dial_stdio(warmroute: Installed, buildkitd: Buildkitd) -> None:
    process = subprocess.Popen(
        [BIN / "warmroute", "dial-stdio", "--addr", buildkitd.address],
        env=warmroute.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdin, process.stdout:
        process.stdout.read(9)
        process.stdout.close()
        # A ping that the daemon answers, into the void.
        process.stdin.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04\0" + bytes(4))
        process.stdin.write(b"\0\0\x08\x06\0" + bytes(4) + bytes(8))
        process.stdin.flush()
        assert process.wait(20) == 0


def test_dial_stdio_does_not_speak_with_people(warmroute: Installed, buildkitd: Buildkitd) -> None:
    leader, follower = pty.openpty()
    done = subprocess.run(
        [BIN / "warmroute", "dial-stdio", "--addr", buildkitd.address],
        env=warmroute.variables,
        stdin=follower,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    os.close(leader)
    os.close(follower)
    assert done.returncode == 2
    assert "stdin is a terminal" in done.stderr
