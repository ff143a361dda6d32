"""The three backends make the same image of the same request, and none of them shows a secret."""

from __future__ import annotations

import json
import logging
import os
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from router import BuildError, BuildRequest, Output, RouterConfig, Secret
from router.model.routing import BackendName
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, Builder, write_tree
from tests.e2e.program import Program
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd

DOCKERFILE = """\
FROM {base} AS base
ARG WORD=default
WORKDIR /work
COPY --chown=7:8 tree/ copied/
RUN --mount=type=secret,id=file --mount=type=secret,id=variable \\
    cat /run/secrets/file /run/secrets/variable | wc -c >size && echo "$WORD" >word && \\
    echo "said $WORD" && touch -h link 2>/dev/null; ln -sf word link
FROM base AS result
LABEL from.dockerfile="yes"
ENV WORD_WAS=$WORD
USER 7:8
EXPOSE 80
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "true"]
FROM base AS broken
RUN --mount=type=secret,id=file cat /run/secrets/file | wc -c; exit 5
FROM scratch AS other
"""
# What the tool's own daemon gives: its history, the time, where the layers come from.
CONFIG_KEYS = ("Labels", "Env", "User", "WorkingDir", "Entrypoint", "Cmd", "ExposedPorts")


@pytest.fixture
def project(tmp_path: Path, busybox: str) -> Path:
    files = {"Dockerfile": DOCKERFILE.format(base=busybox), "tree/a": "a\n", "tree/sub/b": "b\n"}
    return write_tree(tmp_path / "project", files)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A backend, and a daemon that it can use."""

    backend: BackendName
    address: str
    scratch: Path
    environment: Mapping[str, str]

    def builder(self) -> Builder:
        config = RouterConfig(addresses=addressed(("one", self.address)), backend=self.backend, key="agree")
        self.scratch.mkdir(exist_ok=True)
        return Builder(config=config, scratch=self.scratch, environment=dict(self.environment))

    @property
    def on_engine(self) -> bool:
        return self.address.startswith("docker://")

    def request(self, project: Path, **more: Any) -> BuildRequest:
        """Return the request that is the same everywhere, but for what the engine needs for RUN."""
        values: dict[str, Any] = {
            "context": str(project),
            "build_args": {"WORD": "hello, world"},
            "labels": {"team": "a,b=c"},
            "target": "result",
            "secrets": (
                Secret(id="file", path=str(project.parent / "secret")),
                Secret(id="variable", env="MY_SECRET"),
            ),
            # The engine of the tests has no bridge.
            "frontend_options": {"force-network-mode": "host"} if self.on_engine else {},
        }
        return BuildRequest(**values | more)


@pytest.fixture
def places(buildkitd: Buildkitd, dockerd: Dockerd, tmp_path: Path) -> dict[str, Place]:
    environment = {
        **dockerd.environment,
        "PATH": f"{binaries.buildctl().parent}{os.pathsep}{SEARCH_PATH}",
        "HOME": str(tmp_path),
    }
    engine = f"docker://?host={dockerd.host}"
    chosen: dict[str, tuple[BackendName, str]] = {
        "native": ("native", buildkitd.address),
        "buildctl": ("buildctl", buildkitd.address),
        "docker": ("docker", engine),
        "native-on-engine": ("native", engine),
    }
    return {
        name: Place(backend=backend, address=address, scratch=tmp_path / name, environment=environment)
        for name, (backend, address) in chosen.items()
    }


def root_file_system(path: Path) -> dict[str, tuple[object, ...]]:
    """Return everything in a tar but times."""
    found: dict[str, tuple[object, ...]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            data = content.read() if content is not None else b""
            name = member.name.strip("./").rstrip("/")
            found[name] = (member.type, member.mode, member.uid, member.gid, member.linkname, data)
    return {name: entry for name, entry in found.items() if name}


def config_of(builder: Builder, made: BuildRequest, dockerd: Dockerd) -> Mapping[str, Any]:
    """Return the image's config: from an archive, which engines don't write, or from the engine."""
    if not str(builder.config.addresses[0][1]).startswith("docker://"):
        image: Mapping[str, Any] = builder.image(made).config()["config"]
        return image
    tag = f"example.test/agree-{builder.config.backend}:1"
    builder.build(replace(made, tags=(tag,)))
    inspected: Mapping[str, Any] = json.loads(dockerd.cli("image", "inspect", tag))[0]["Config"]
    return inspected


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of the request in one place."""

    tree: Mapping[str, tuple[object, ...]]
    config: Mapping[str, object]
    log: bytes

    @property
    def portable(self) -> Mapping[str, tuple[object, ...]]:
        """The tree without what old BuildKits leave of a secret's mount: an empty directory."""
        return {name: entry for name, entry in self.tree.items() if name != "run/secrets"}


def make(place: Place, project: Path, dockerd: Dockerd) -> Made:
    builder = place.builder()
    builder.environment["MY_SECRET"] = "sixsix"
    made = place.request(project)
    archive = builder.scratch / "root.tar"
    # Else the second backend would find the first one's steps in the cache.
    builder.build(replace(made, no_cache=True, outputs=(Output(type="tar", dest=str(archive)),)))
    config = config_of(builder, made, dockerd)
    return Made(
        tree=root_file_system(archive),
        config={key: config.get(key) for key in CONFIG_KEYS},
        log=builder.log,
    )


def test_all_backends_make_the_same_image(places: dict[str, Place], dockerd: Dockerd, project: Path) -> None:
    write_tree(project.parent, {"secret": "four"})

    made = {name: make(place, project, dockerd) for name, place in places.items()}

    native = made["native"]
    assert native.tree["work/size"][-1] == b"10\n"
    assert native.tree["work/word"][-1] == b"hello, world\n"
    assert native.tree["work/copied/a"][1:4] == (0o644, 7, 8)
    assert native.config["Labels"] == {"from.dockerfile": "yes", "team": "a,b=c"}
    assert made["buildctl"].tree == native.tree
    assert made["docker"].tree == made["native-on-engine"].tree
    assert made["docker"].portable == native.portable
    assert {name for name, one in made.items() if one.config != native.config} == set()
    assert {name for name, one in made.items() if b"said hello, world\n" not in one.log} == set()


@contextmanager
def command_lines() -> Iterator[set[bytes]]:
    """Collect the command lines of all processes of this machine as long as the block lasts."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(timeout=0.005):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                    seen.add(file.read())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("name", ["native", "buildctl", "docker"])
def test_a_secret_is_shown_nowhere(
    places: dict[str, Place], project: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    place = places[name]
    file, variable = f"file-{os.urandom(8).hex()}", f"variable-{os.urandom(8).hex()}"
    write_tree(project.parent, {"secret": file})
    builder = place.builder()
    builder.environment["MY_SECRET"] = variable
    archive = builder.scratch / "root.tar"
    request = place.request(
        project,
        build_args={"WORD": project.parent.name},  # else the step is cached
        outputs=(Output(type="tar", dest=str(archive)),),
    )

    with command_lines() as lines:
        result = builder.build(request)
        with pytest.raises(BuildError) as caught:
            builder.build(replace(request, target="broken"))

    shown = [repr(request), repr(result), repr(builder.events), builder.log.decode(), caplog.text]
    everything = "\n".join(shown + errors_of(caught.value)).encode() + b"\n".join(lines)
    everything += archive.read_bytes()
    if name != "native":
        assert any(name.encode() in line for line in lines)
    assert file.encode() not in everything
    assert variable.encode() not in everything


def errors_of(error: BaseException | None) -> list[str]:
    """Return all that an exception and those behind it can show."""
    texts = []
    while error is not None:
        texts += [repr(error), str(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return texts


@pytest.mark.parametrize("name", ["native", "buildctl"])
def test_the_program_at_its_most_verbose_shows_no_secret(
    places: dict[str, Place], project: Path, tmp_path: Path, name: str
) -> None:
    place = places[name]
    file, variable = f"file-{os.urandom(8).hex()}", f"variable-{os.urandom(8).hex()}"
    write_tree(tmp_path, {"secret": file})
    results = [tmp_path / "metadata", tmp_path / "iid"]
    program = Program(environment={**place.environment, "MY_SECRET": variable})
    line: list[str | Path] = [
        *("build", "-vv", "--progress=rawjson", f"--addr={place.address}", f"--backend={name}"),
        *(f"--secret=id=file,src={tmp_path}/secret", "--secret=id=variable,env=MY_SECRET"),
        *(f"--build-arg=WORD={tmp_path.name}", f"--metadata-file={results[0]}", f"--iidfile={results[1]}"),
        *("--output=type=image", project),
    ]

    with command_lines() as lines:
        built = program.run(*line, "--target=result")
        broken = program.run(*line, "--target=broken")
        planned = program.run(*line, "--dry-run")

    assert (built.code, broken.code, planned.code) == (0, 1, 0)
    shown = [text for run in (built, broken, planned) for text in (run.stdout, run.stderr)]
    everything = "\n".join([*shown, *(path.read_text() for path in results)]).encode() + b"\n".join(lines)
    assert b"MY_SECRET" in everything
    assert file.encode() not in everything
    assert variable.encode() not in everything
