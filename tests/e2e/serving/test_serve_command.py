"""`warmroute serve` as a process: how it begins, whom it lets in, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.e2e.builder import finished_builds, write_tree
from tests.e2e.processes import BIN, Background, Installed, started
from tests.e2e.serving.endpoints import Ran, build_of, run
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.certs import CA, Pair
from tests.servers.ports import free_port
from tests.unit.unprivileged import NOBODY


@dataclass(frozen=True, kw_only=True)
class Command:
    """The command over three daemons, in a runtime directory of its own."""

    daemons: Mapping[str, Buildkitd]
    runtime: Path
    scratch: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where it listens unless it is told."""
        return f"unix://{self.runtime}/warmroute/serve.sock"

    @property
    def installed(self) -> Installed:
        addresses = " ".join(f"{name}={daemon.address}" for name, daemon in self.daemons.items())
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(self.runtime), "WARMROUTE_ADDR": addresses}
        return Installed(environment=environment | dict(self.more))

    @contextmanager
    def serving(self, *words: str, says: str = "listening on") -> Iterator[Background]:
        """Start it, and wait until it says something."""
        with self.installed.started("serve", *words) as process:
            process.read_until(f"{says} ".encode())
            yield process

    def context(self, text: str = "FROM scratch\nCOPY name /\n") -> Path:
        """Make a context that nobody has built."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        return write_tree(folder, {"Dockerfile": text, "name": folder.name})

    def build(self, *words: str, address: str = "") -> Ran:
        """Build by buildctl."""
        where = ("--addr", address or self.address)
        return run([binaries.buildctl(), *where, *words, *build_of(self.context())], self.installed.variables)

    @contextmanager
    def building(self, text: str, until: bytes) -> Iterator[Background]:
        """Build in the background, and wait until it is so far."""
        argv = [str(binaries.buildctl()), "--addr", self.address, *build_of(self.context(text))]
        with started(argv, self.installed.variables, None) as process:
            process.read_until(until)
            yield process

    def built(self) -> dict[str, int]:
        return {name: finished_builds(daemon.address) for name, daemon in self.daemons.items()}


@pytest.fixture
def command(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Iterator[Command]:
    names = ("ash", "birch", "cedar")
    # A socket's path is at most 107 characters long.
    with tempfile.TemporaryDirectory(prefix="serve-") as runtime:
        yield Command(
            daemons=dict(zip(names, buildkitd_three, strict=True)), runtime=Path(runtime), scratch=tmp_path
        )


def test_print_env_leads_clients_to_where_it_will_listen(command: Command) -> None:
    assert command.installed.ok("serve", "--print-env").stdout == f"export BUILDKIT_HOST={command.address}\n"
    tcp = command.installed.ok("serve", "--print-env", "--listen", "tcp://0.0.0.0:1234")
    assert tcp.stdout == "export BUILDKIT_HOST=tcp://127.0.0.1:1234\n"


def test_a_build_goes_to_the_home_of_its_image(command: Command) -> None:
    tag = f"acme/{command.scratch.name}"
    where = command.installed.ok("where", "-t", tag, "--format", "json").json
    before = command.built()
    with command.serving("-v") as process:
        argv = [str(binaries.buildctl()), *build_of(command.context()), "--output", f"type=image,name={tag}"]
        run(argv, {**command.installed.variables, "BUILDKIT_HOST": command.address}).ok()
        process.signal(signal.SIGTERM)
        assert process.wait(20) == 0

    after = command.built()
    assert {name for name in after if after[name] > before[name]} == {where["home"]}
    assert f"key {where['key']} (rule: tag)" in process.output.decode()


def test_a_builder_of_buildx_is_made_used_and_undone_as_it_says(command: Command) -> None:
    environment = {**command.installed.variables}
    environment["PATH"] = f"{binaries.buildx().parent}:{environment['PATH']}"
    program = binaries.buildx().name
    more = replace(command, more={"PATH": environment["PATH"]})
    for _ in range(2):  # the second time it is there already
        with more.serving("--register", "warm", says="undo it with:") as process:
            process.read_until(f"{program} rm warm\n".encode())
            run([program, "build", "--builder", "warm", str(command.context())], environment).ok()
            process.signal(signal.SIGTERM)
            assert process.wait(20) == 0
    undo = process.output.decode().partition("undo it with: ")[2].splitlines()[0]

    run(undo.split(), environment).ok()
    assert "warm" not in run([program, "ls", "--format", "{{.Name}}"], environment).ok().stdout.split()


def test_a_linked_target_of_a_bake_says_that_it_goes_with_its_base(command: Command) -> None:
    targets = {
        "base": {"target": "base", "tags": ["acme/base"], "output": ["type=image"]},
        "web": {
            "dockerfile": "web.Dockerfile",
            "contexts": {"under": "target:base"},
            "tags": ["acme/web"],
            "output": ["type=local,dest=out"],
        },
    }
    files = {
        "Dockerfile": "FROM scratch AS base\nCOPY name /\n",
        "web.Dockerfile": "FROM under\nCOPY name /again\n",
        "docker-bake.json": json.dumps({"group": {"default": {"targets": [*targets]}}, "target": targets}),
    }
    context = write_tree(command.context(), files)
    environment = command.installed.variables
    with command.serving("-v") as process:
        for words in (
            ["create", "--name", "warm", "--driver", "remote", command.address],
            ["bake", "--builder=warm"],
        ):
            run([binaries.buildx(), *words], environment, cwd=context).ok()
        process.read_until(b"key docker.io/acme/base (rule: linked)")

    name = (context / "name").read_text()
    assert {path.name: path.read_text() for path in (context / "out").iterdir()} == {
        "name": name,
        "again": name,
    }


def test_without_buildx_there_is_no_builder_and_no_endpoint(command: Command) -> None:
    (command.scratch / "empty").mkdir()
    alone = replace(command, more={"PATH": str(command.scratch / "empty")})
    refused = alone.installed.run("serve", "--register", "warm")

    assert refused.code == 69
    assert "buildx is not installed, or not on PATH" in refused.stderr
    assert list((command.runtime / "warmroute").iterdir()) == []


def test_clients_beyond_the_usual_limit_of_descriptors_are_served(command: Command) -> None:
    script = 'ulimit -Sn 100; exec "$0" serve'
    argv = ["bash", "-c", script, str(BIN / "warmroute")]
    with started(argv, command.installed.variables, None) as process, ExitStack() as clients:
        process.read_until(b"listening on ")
        for _ in range(150):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(command.address.removeprefix("unix://"))
        command.build().ok()


def test_the_second_one_says_who_has_the_socket(command: Command) -> None:
    with command.serving() as first:
        second = command.installed.run("serve")
        command.build().ok()

    assert second.code == 1
    assert f"{command.address} is in use: process {first.process.pid} listens on it" in second.stderr


def test_what_a_killed_one_left_is_replaced(command: Command) -> None:
    with command.serving() as first:
        first.signal(signal.SIGKILL)
        first.wait(20)
    assert (command.runtime / "warmroute" / "serve.sock").is_socket()

    with command.serving():
        command.build().ok()


def test_a_build_in_flight_ends_before_the_endpoint_does(command: Command, busybox: str) -> None:
    text = f"FROM {busybox}\nCOPY name /\nRUN echo begun; sleep 3; echo done\n"
    with command.serving() as process, command.building(text, b" begun") as client:
        process.signal(signal.SIGTERM)
        process.read_until(b"those in flight have 10m")
        late = command.build()

        assert client.wait(60) == 0
        assert process.wait(20) == 0
    assert late.code != 0
    assert list((command.runtime / "warmroute").iterdir()) == []


def test_the_second_signal_ends_it_at_once(command: Command, busybox: str) -> None:
    text = f"FROM {busybox}\nCOPY name /\nRUN echo begun; sleep 300\n"
    with command.serving() as process, command.building(text, b" begun") as client:
        process.signal(signal.SIGTERM)
        process.read_until(b"those in flight have 10m")
        process.signal(signal.SIGTERM)

        assert process.wait(20) == 130
        assert client.wait(20) != 0
    assert "stopped at once (SIGTERM): builds in flight are canceled" in process.output.decode()


def test_what_does_not_end_within_the_grace_is_canceled(command: Command, busybox: str) -> None:
    text = f"FROM {busybox}\nCOPY name /\nRUN echo begun; sleep 300\n"
    with command.serving("--grace", "1s") as process, command.building(text, b" begun") as client:
        process.signal(signal.SIGTERM)

        assert process.wait(10) == 1
        assert client.wait(20) != 0
    assert "canceled builds that had not ended within 1s" in process.output.decode()


def test_ready_fd_gets_the_addresses_when_clients_can_connect(command: Command) -> None:
    port = free_port()
    ready = command.scratch / "ready"
    os.mkfifo(ready)
    words = f"--listen {command.address} --listen tcp://127.0.0.1:{port} --ready-fd 3 3> {ready}"
    argv = ["sh", "-c", f"exec {BIN}/warmroute serve {words}"]
    with started(argv, command.installed.variables, None):
        addresses = ready.read_text().splitlines()
        for address in addresses:
            command.build(address=address).ok()

    assert addresses == [command.address, f"tcp://127.0.0.1:{port}"]


_SYSTEMD = """
import os, socket, sys
path, notify = sys.argv[1:3]
listening = socket.socket(socket.AF_UNIX)
listening.bind(path)
if "MODE" in os.environ:
    os.chmod(path, int(os.environ["MODE"], 8))
listening.listen()
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
own = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "NOTIFY_SOCKET": notify}
os.execve(sys.argv[3], sys.argv[3:], {**os.environ, **own})
"""


def test_systemd_can_open_the_socket_and_hears_that_it_is_ready(command: Command) -> None:
    path, notify = f"{command.runtime}/activated.sock", f"{command.runtime}/notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(notify)
        manager.settimeout(30)
        argv = [sys.executable, "-c", _SYSTEMD, path, notify, f"{BIN}/warmroute", "serve"]
        with started(argv, command.installed.variables, None) as process:
            told = [manager.recv(100)]
            command.build(address=f"unix://{path}").ok()
            process.signal(signal.SIGTERM)
            told.append(manager.recv(100))
            assert process.wait(20) == 0

    assert told == [b"READY=1", b"STOPPING=1"]
    assert Path(path).is_socket()
    assert not (command.runtime / "warmroute").exists()


def test_another_user_does_not_get_in(command: Command) -> None:
    command.runtime.chmod(0o755)
    program = shutil.copy(binaries.buildctl(), command.runtime)
    argv = [program, "--addr", command.address, "debug", "workers"]
    with command.serving():
        subprocess.run(argv, timeout=60, check=True, capture_output=True)
        (command.runtime / "warmroute").chmod(0o755)
        for mode in (0o600, 0o666):  # where the files let him in the endpoint doesn't
            (command.runtime / "warmroute" / "serve.sock").chmod(mode)
            refused = subprocess.run(
                argv, user=NOBODY, capture_output=True, text=True, timeout=60, check=False
            )
            assert refused.returncode != 0
            assert ("permission denied" in refused.stderr) == (mode == 0o600)


def test_by_tcp_only_clients_with_a_certificate_get_in(command: Command) -> None:
    ca, port = CA(), free_port()
    server = ca.write_tls_dir(command.scratch / "server", ca.server())
    address = f"tcp://localhost:{port}"

    def words(name: str, pair: Pair) -> Sequence[str]:
        return ("--tlsdir", str(ca.write_tls_dir(command.scratch / name, pair)))

    with command.serving("--listen", f"tcp://0.0.0.0:{port}", "--listen-tls", str(server)) as process:
        for name in ("alice", "bob"):
            command.build(*words(name, ca.client(name)), address=address).ok()
        stranger = command.build(*words("mallory", CA("others").client("mallory")), address=address)
        process.read_until(b"its certificate is not trusted")

    assert stranger.code != 0


@pytest.mark.parametrize("more", [(), ("--shared",)], ids=["apart", "shared"])
def test_two_users_of_buildx_see_each_others_builds_only_where_that_is_said(
    command: Command, more: Sequence[str]
) -> None:
    ca, port = CA(), free_port()
    server = ca.write_tls_dir(command.scratch / "server", ca.server())
    address = f"tcp://localhost:{port}"

    def buildx(*words: str | Path) -> str:
        return run([binaries.buildx(), *words], command.installed.variables).ok().stdout

    history = ("history", "ls", "--format", "{{.Ref}}")
    words = ("--listen", f"tcp://127.0.0.1:{port}", "--listen-tls", str(server), *more)
    with command.serving(*words, says="clients can see" if more else "listening on"):
        for name in ("alice", "bob"):
            files = ca.write_tls_dir(command.scratch / name, ca.client(name))
            pairs = {"cacert": "ca", "cert": "cert", "key": "key"}
            options = ",".join(f"{each}={files}/{file}.pem" for each, file in pairs.items())
            buildx("create", "--name", name, "--driver", "remote", "--driver-opt", options, address)
        metadata = command.scratch / "metadata.json"
        buildx("build", "--builder", "alice", "--metadata-file", metadata, command.context())
        seen = {
            # A name is of the machine that built; a ref begins with the builder and its node.
            name: [ref.rpartition("/")[2] for ref in buildx(*history, "--builder", name).split()]
            for name in ("alice", "bob")
        }

    _, _, ref = json.loads(metadata.read_text())["buildx.build.ref"].rpartition("/")
    assert ref in seen["alice"]
    assert (ref in seen["bob"]) == bool(more)


def test_the_name_that_buildctl_calls_the_endpoint_by_is_the_key(command: Command) -> None:
    """By TCP the name would have to resolve; with TLS it is the name in the certificate as well."""
    ca, port = CA(), free_port()
    server = ca.write_tls_dir(command.scratch / "server", ca.server(["*.localhost"]))
    client = ca.write_tls_dir(command.scratch / "client", ca.client("ci"))
    words = ("--tlsdir", str(client), "--tlsservername", "Shop.localhost")
    home = command.installed.ok("where", "--key", "shop", "--format", "json").json["home"]
    before = command.built()
    with command.serving("-v", "--listen", f"tcp://127.0.0.1:{port}", "--listen-tls", str(server)) as process:
        command.build(*words, address=f"tcp://127.0.0.1:{port}").ok()
        process.read_until(b"key shop (rule: host)")

    assert command.built() == before | {home: before[home] + 1}


def test_shared_means_nothing_for_a_socket_of_ones_own(command: Command) -> None:
    refused = command.installed.run("serve", "--shared")

    assert refused.code == 2
    assert "--shared needs clients of several users" in refused.stderr
    assert "SocketMode" not in refused.stderr


def test_shared_takes_an_inherited_socket_only_if_its_mode_lets_others_in(command: Command) -> None:
    path = f"{command.runtime}/activated.sock"
    argv = [sys.executable, "-c", _SYSTEMD, path, "", f"{BIN}/warmroute", "serve", "--shared"]

    refused = run(argv, {**command.installed.variables, "MODE": "600"})
    Path(path).unlink()
    with started(argv, {**command.installed.variables, "MODE": "660"}, None) as process:
        process.read_until(b"clients can see each other's builds")
        command.build(address=f"unix://{path}").ok()

    assert refused.code == 2
    assert "--shared needs clients of several users" in refused.stderr
    assert "SocketMode=0660" in refused.stderr


def test_other_machines_are_let_in_only_where_that_is_said(command: Command) -> None:
    address = f"tcp://0.0.0.0:{free_port()}"
    refused = command.installed.run("serve", "--listen", address)
    with command.serving("--listen", address, "--insecure", says="accepting every client"):
        pass

    assert refused.code == 2
    assert f"{address} is open to other machines, and would accept everybody" in refused.stderr


def test_it_does_not_send_builds_to_itself(command: Command) -> None:
    more = {"BUILDKIT_HOST": command.address, "WARMROUTE_ADDR": ""}
    refused = replace(command, more=more).installed.run("serve")

    assert refused.code == 2
    assert f"the endpoint would send builds to itself: it listens on {command.address}" in refused.stderr


def test_the_status_page_is_where_the_command_says_until_it_ends(command: Command) -> None:
    with command.serving("--status", "127.0.0.1:0") as process:
        (url,) = re.findall(r"status page: (http://127\.0\.0\.1:[0-9]+/)\n", process.output.decode())
        command.build().ok()
        with urllib.request.urlopen(f"{url}metrics", timeout=30) as answer:
            metrics = answer.read().decode()
        process.signal(signal.SIGTERM)
        assert process.wait(20) == 0

    assert 'warmroute_serve_builds_total{result="completed"} 1\n' in metrics


def test_a_health_check_fails_while_builds_in_flight_have_their_grace(command: Command, busybox: str) -> None:
    text = f"FROM {busybox}\nCOPY name /\nRUN echo begun; sleep 300\n"
    with command.serving("--health", "0.0.0.0:0") as process, command.building(text, b" begun"):
        (port,) = re.findall(r"health checks: http://0\.0\.0\.0:([0-9]+)/healthz\n", process.output.decode())
        url = f"http://127.0.0.1:{port}"
        while_building = asked(f"{url}/healthz")
        builds = asked(f"{url}/api/builds")
        process.signal(signal.SIGTERM)
        process.read_until(b"those in flight have 10m")
        while_ending = asked(f"{url}/healthz")

    assert (while_building, while_ending) == ((200, b"ok\n"), (503, b"shutting down\n"))
    assert builds[0] == 404


def asked(url: str) -> tuple[int, bytes]:
    """Return the status and the body of a page."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read()


def test_the_status_page_is_not_for_other_machines_unless_that_is_said(command: Command) -> None:
    refused = command.installed.run("serve", "--status", "0.0.0.0:0")
    alone = command.installed.run("serve", "--insecure-status")

    assert (refused.code, alone.code) == (2, 2)
    assert "the status page on 0.0.0.0:0 would be open to other machines" in refused.stderr
    assert "--insecure-status needs --status" in alone.stderr
