"""buildctl through the endpoint: where its builds go, what comes of them, and how they fail."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router import Key
from router.address import parse_address
from router.model.daemon import Daemon
from router.operations.records import ask_records
from router.transport.options import DialOptions
from tests.e2e.builder import OciArchive, tar_files, write_tree
from tests.e2e.serving.endpoints import Served, build_of, run
from tests.servers import binaries
from tests.servers.openssh import make_key, openssh_image, start_agent
from tests.servers.registry import Registry

MIB = 1024 * 1024


@pytest.mark.parametrize("name", ["d0", "d1", "d2"])
def test_a_build_lands_on_the_home_of_its_name(served: Served, context: Path, name: str) -> None:
    before = served.built()
    out = served.scratch / "out.tar"

    served.buildctl(*build_of(context), f"--output=type=oci,name={served.tag_at(name)},dest={out}").ok()

    after = served.built()
    assert {each: after[each] - before[each] for each in after} == {"d0": 0, "d1": 0, "d2": 0} | {name: 1}
    assert OciArchive(out.read_bytes()).files() == {"a.txt": served.scratch.name.encode()}


@pytest.mark.parametrize("output", ["type=oci,dest=/dev/null", ""])
def test_the_record_has_the_key_as_after_warmroute_build(served: Served, context: Path, output: str) -> None:
    """With an output the key is its name's, without one it is the client's."""
    tag = served.tag_at("d1")
    named = [f"--output={output},name={tag}"] if output else []

    served.buildctl(*build_of(context), *named).ok()

    home = "d1" if output else served.home_of(Key(key="me", rule="connection"))
    (answer,) = ask_records(
        [Daemon(name=home, address=parse_address(served.daemons[home].address))], DialOptions(timeout=10)
    )
    assert answer.value is not None
    mark = max(answer.value, key=lambda record: record.created or 0).mark
    assert mark is not None
    assert (mark.key, mark.place) == (tag.removesuffix(":dev") if output else "me", 1)


def test_results_come_back_as_directory_and_as_tar(served: Served, context: Path) -> None:
    folder, tar = served.scratch / "folder", served.scratch / "out.tar"

    served.buildctl(*build_of(context), f"--output=type=local,dest={folder}").ok()
    served.buildctl(*build_of(context), f"--output=type=tar,dest={tar}").ok()

    assert (folder / "a.txt").read_text() == served.scratch.name
    assert tar_files(tar.read_bytes()) == {"a.txt": served.scratch.name.encode()}


def test_a_step_gets_secret_and_agent(served: Served, registry: Registry, tmp_path: Path) -> None:
    image = registry.push(openssh_image(), "openssh")
    secret = tmp_path / "secret"
    secret.write_text(os.urandom(8).hex())
    steps = (
        "RUN --mount=type=secret,id=word sha256sum </run/secrets/word >/word\n"
        "RUN --mount=type=ssh,required=true ssh-add -l >/keys\n"
    )
    folder = write_tree(
        tmp_path / "ssh",
        {"Dockerfile": f"FROM {image} AS steps\n{steps}FROM scratch\nCOPY --from=steps /word /keys /\n"},
    )
    with start_agent(tmp_path) as agent:
        agent.add(make_key(tmp_path / "key", "ed25519"))
        served.buildctl(
            *build_of(folder),
            f"--secret=id=word,src={secret}",
            f"--ssh=default={agent.socket}",
            f"--output=type=local,dest={tmp_path / 'out'}",
        ).ok()

    assert (tmp_path / "out/word").read_text().split()[0] == hashlib.sha256(secret.read_bytes()).hexdigest()
    assert "(ED25519)" in (tmp_path / "out/keys").read_text()


def test_an_image_is_pushed_with_the_clients_credentials(
    served: Served, context: Path, private_registry: Registry, tmp_path: Path
) -> None:
    name = f"{private_registry.host}/served:1"
    push = [*build_of(context), f"--output=type=image,name={name},push=true"]

    refused = served.buildctl(*push)
    served.buildctl(*push, DOCKER_CONFIG=str(private_registry.docker_config(tmp_path / "docker"))).ok()

    assert refused.code == 1
    assert private_registry.tags("served") == ("1",)


def test_a_build_that_fails_fails_as_it_does_without_the_endpoint(
    served: Served, busybox: str, tmp_path: Path
) -> None:
    folder = write_tree(tmp_path / "failing", {"Dockerfile": f"FROM {busybox}\nRUN echo so; exit 7\n"})

    through = served.buildctl(*build_of(folder))
    direct = run(
        [binaries.buildctl(), "--addr", served.daemons["d0"].address, *build_of(folder)],
        served.environment(),
    )

    assert (through.code, through.stdout) == (direct.code, direct.stdout)
    assert error_of(through.stderr) == error_of(direct.stderr)
    assert "exit code: 7" in error_of(through.stderr)
    assert "RUN echo so; exit 7" in error_of(through.stderr)


def test_what_a_daemon_refuses_is_refused_in_its_words(served: Served, context: Path) -> None:
    through = served.buildctl(*build_of(context), "--output=type=nothing")
    assert 'exporter "nothing" could not be found' in through.stderr


def test_a_large_context_takes_no_memory(served: Served, tmp_path: Path) -> None:
    """It goes to the daemon, and comes back whole."""
    folder = write_tree(tmp_path / "large", {"Dockerfile": "FROM scratch\nCOPY large /\n"})
    with (folder / "large").open("wb") as file:
        for _ in range(256):
            file.write(os.urandom(MIB))

    with memory() as taken:
        served.buildctl(*build_of(folder), f"--output=type=local,dest={tmp_path / 'out'}").ok()

    assert digest(tmp_path / "out/large") == digest(folder / "large")
    assert taken[0] < 100 * MIB


@contextmanager
def memory() -> Iterator[list[int]]:
    """Tell how much more memory this process has at most than it has now."""
    most, over = [0], threading.Event()
    before = resident()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], resident() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def resident() -> int:
    """How much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def digest(path: Path) -> str:
    """The digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def error_of(said: str) -> str:
    """What buildctl says of a failure, without times and names of the day."""
    error = said[said.index("\n------\n") :]
    return re.sub(r"\b\d+\.\d+\b|sha256:\w+", "", error)
