"""Contexts of every kind on a real buildkitd: archives, named contexts, OCI layouts; and Dockerfiles."""

from __future__ import annotations

import base64
import bz2
import gzip
import http.server
import io
import lzma
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, Secret, UsageError
from router.providers.stdin_context import open_stdin_context
from tests.e2e.builder import SEARCH_PATH, Builder, served, tar_files, tar_of, write_tree
from tests.e2e.conftest import native
from tests.e2e.program import WARMROUTE
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.oci import Entry, Image, write_layout
from tests.servers.registry import Registry

FILES: Mapping[str, str | bytes] = {
    "Dockerfile": "FROM scratch\nCOPY word /\n",
    "Other": "FROM scratch\nCOPY word /other\n",
    "word": "from the archive\n",
}


def zstd(data: bytes) -> bytes:
    """Return zstd's frame of raw blocks: no program or package for it is needed."""
    frame = b"\x28\xb5\x2f\xfd\x80" + b"\x58" + len(data).to_bytes(4, "little")
    blocks = [data[start : start + 100_000] for start in range(0, len(data), 100_000)]
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        frame += (len(block) << 3 | last).to_bytes(3, "little") + block
    return frame


def pax(files: Mapping[str, str | bytes]) -> bytes:
    """Return a tar whose first entry has a long extended header before it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.pax_headers = {"comment": "x" * 3000}
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


PACKINGS: Mapping[str, Callable[[Mapping[str, str | bytes]], bytes]] = {
    "plain": tar_of,
    "pax": pax,
    "gzip": lambda files: gzip.compress(tar_of(files)),
    "bzip2": lambda files: bz2.compress(tar_of(files)),
    "xz": lambda files: lzma.compress(tar_of(files)),
    "zstd": lambda files: zstd(tar_of(files)),
}


def piped(builder: Builder, data: bytes, **more: object) -> dict[str, bytes]:
    """Build from what is piped in, and return the files of the result."""
    request = replace(BuildRequest(context="-"), **more)  # type: ignore[arg-type]
    with open_stdin_context(request, io.BytesIO(data)) as ready:
        return builder.files(ready)


@pytest.mark.parametrize("packing", PACKINGS)
def test_an_archive_from_stdin_is_the_context(builder: Builder, packing: str) -> None:
    assert piped(builder, PACKINGS[packing](FILES)) == {"word": b"from the archive\n"}


@pytest.mark.parametrize("packing", ["plain", "zstd"])
def test_the_dockerfile_is_named_within_the_archive(builder: Builder, packing: str) -> None:
    assert piped(builder, PACKINGS[packing](FILES), dockerfile="Other") == {"other": b"from the archive\n"}


def test_a_large_archive_arrives_as_it_is(builder: Builder) -> None:
    data = os.urandom(30_000_000)

    files = piped(builder, tar_of({"Dockerfile": "FROM scratch\nCOPY data /\n", "data": data}))

    assert files["data"] == data


def test_a_dockerfile_from_stdin_is_the_whole_context(builder: Builder, busybox: str) -> None:
    assert piped(
        builder, f"FROM {busybox} AS b\nRUN echo hi >/word\nFROM scratch\nCOPY --from=b /word /\n".encode()
    ) == {"word": b"hi\n"}


def test_an_archive_is_sent_again_to_a_second_daemon(
    buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path
) -> None:
    (tmp_path / "context").write_bytes(tar_of(FILES))
    request = BuildRequest(context="-", context_archive=str(tmp_path / "context"))
    for daemon in buildkitd_three[:2]:
        assert native(daemon, tmp_path).files(request) == {"word": b"from the archive\n"}


def test_a_question_about_a_dockerfile_in_an_archive_is_answered(builder: Builder) -> None:
    for packing in ("plain", "zstd"):
        with open_stdin_context(
            BuildRequest(context="-", call="outline"), io.BytesIO(PACKINGS[packing](FILES))
        ) as ready:
            assert "result.json" in builder.build(ready).metadata


def test_what_looks_like_an_archive_and_is_none_fails_the_build(builder: Builder) -> None:
    for data in (b"\x1f\x8b\x08 is no gzip", gzip.compress(b"FROM scratch\n"), zstd(tar_of(FILES))[:300]):
        with pytest.raises(BuildError):
            piped(builder, data)


# -- named contexts


def base_layout(folder: Path, content: bytes, tag: str = "latest") -> str:
    """Write an image of one file as an OCI layout; return its digest."""
    layers = ((Entry(path="marker", content=content, mode=0o644),),)
    return write_layout(Image(reference=tag, layers=layers), folder).digest


def test_a_directory_is_a_context_by_its_name(builder: Builder, tmp_path: Path) -> None:
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM scratch\nCOPY --from=more . /\n"})
    more = {"a": "a\n", "b.log": "b\n", "sub/c": "c\n", ".dockerignore": "*.log\n.dockerignore\n"}
    write_tree(tmp_path / "more", more)

    files = builder.files(BuildRequest(context=str(project), build_contexts={"more": str(tmp_path / "more")}))

    assert files == {"a": b"a\n", "sub/c": b"c\n"}


def test_a_named_context_stands_in_for_a_stage_and_an_image(builder: Builder, tmp_path: Path) -> None:
    dockerfile = """\
FROM example.test/never/pulled:1 AS first
FROM scratch AS second
COPY wrong /second
FROM scratch
COPY --from=first / /first
COPY --from=second / /second
"""
    project = write_tree(tmp_path / "project", {"Dockerfile": dockerfile})
    write_tree(tmp_path / "one", {"one": "1\n"})
    write_tree(tmp_path / "two", {"two": "2\n"})

    files = builder.files(
        BuildRequest(
            context=str(project),
            build_contexts={
                "example.test/never/pulled:1": str(tmp_path / "one"),
                "second": str(tmp_path / "two"),
            },
        )
    )

    assert files == {"first/one": b"1\n", "second/two": b"2\n"}


@pytest.mark.parametrize("name", ["context", "dockerfile"])
def test_a_named_context_may_have_a_name_that_the_frontend_uses(
    builder: Builder, tmp_path: Path, name: str
) -> None:
    project = write_tree(tmp_path / "project", {"Dockerfile": f"FROM scratch\nCOPY --from={name} . /\n"})
    write_tree(tmp_path / "more", {"more": "more\n"})

    files = builder.files(BuildRequest(context=str(project), build_contexts={name: str(tmp_path / "more")}))

    assert files == {"more": b"more\n"}


def test_a_context_of_one_platform_is_for_that_platform_only(builder: Builder, tmp_path: Path) -> None:
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM base\n"})
    base_layout(tmp_path / "here", b"any\n")
    base_layout(tmp_path / "there", b"other\n")
    request = BuildRequest(
        context=str(project),
        build_contexts={
            "base": f"oci-layout://{tmp_path}/here",
            "base::linux/s390x": f"oci-layout://{tmp_path}/there",
        },
    )

    assert builder.files(request)["marker"] == b"any\n"


@pytest.mark.parametrize(
    "form", ["{path}", "{path}:v1", "{path}@{digest}", "{path}:v1@{digest}", "{path}:other"]
)
def test_an_image_in_an_oci_layout_is_a_base(builder: Builder, tmp_path: Path, form: str) -> None:
    content = os.urandom(3_000_000)
    digest = base_layout(tmp_path / "layout", content, "v1")
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM base\nCOPY Dockerfile /\n"})
    value = form.format(path=tmp_path / "layout", digest=digest)

    files = builder.files(
        BuildRequest(context=str(project), build_contexts={"base": f"oci-layout://{value}"})
    )

    assert files["marker"] == content
    assert set(files) == {"marker", "Dockerfile"}


def test_a_layout_made_of_links_is_read(builder: Builder, tmp_path: Path) -> None:
    base_layout(tmp_path / "layout", b"linked\n")
    for blob in (tmp_path / "layout/blobs/sha256").iterdir():
        elsewhere = tmp_path / blob.name
        blob.rename(elsewhere)
        blob.symlink_to(elsewhere)
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM base\n"})

    files = builder.files(
        BuildRequest(context=str(project), build_contexts={"base": f"oci-layout://{tmp_path}/layout"})
    )

    assert files == {"marker": b"linked\n"}


def test_a_blob_that_is_not_what_its_name_says_fails_the_build(builder: Builder, tmp_path: Path) -> None:
    base_layout(tmp_path / "layout", os.urandom(2000))
    largest = max((tmp_path / "layout/blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    largest.write_bytes(os.urandom(largest.stat().st_size))
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM base\n"})

    with pytest.raises(BuildError):
        builder.files(
            BuildRequest(context=str(project), build_contexts={"base": f"oci-layout://{tmp_path}/layout"})
        )


def test_an_image_of_a_registry_is_a_context(builder: Builder, tmp_path: Path, registry: Registry) -> None:
    image = Image(reference="marked", layers=((Entry(path="marker", content=b"registry\n"),),))
    reference = registry.push(image, "marked")
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM alpine:3\nCOPY --from=copy marker /m\n"})
    contexts = {"alpine:3": f"docker-image://{reference}", "copy": f"docker-image://{reference}"}

    files = builder.files(BuildRequest(context=str(project), build_contexts=contexts))

    assert files == {"marker": b"registry\n", "m": b"registry\n"}


def test_a_url_is_a_context_by_its_name(builder: Builder, tmp_path: Path) -> None:
    write_tree(tmp_path / "www", {"file": "downloaded\n"})
    project = write_tree(
        tmp_path / "project", {"Dockerfile": "FROM scratch\nCOPY --from=web /context /got\n"}
    )
    with served(tmp_path / "www") as url:
        request = BuildRequest(context=str(project), build_contexts={"web": f"{url}/file"})

        assert builder.files(request) == {"got": b"downloaded\n"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nowhere", "does not exist"),
        ("file", "is not a directory"),
        ("oci-layout://nowhere", "nowhere does not exist"),
        ("oci-layout://file", "is not a directory"),
        ("oci-layout://empty", "has no index.json"),
        ("oci-layout://many:other", "has no image other"),
        (f"oci-layout://many@sha256:{'0' * 64}", "lacks the blob sha256:0"),
    ],
)
def test_a_named_context_that_is_not_there_is_refused(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, why: str
) -> None:
    monkeypatch.chdir(write_tree(tmp_path, {"Dockerfile": "FROM base\n", "file": "", "empty/x": ""}))
    digest = base_layout(tmp_path / "many", b"")
    described = f'{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":1}}'
    (tmp_path / "many/index.json").write_text(f'{{"manifests":[{described},{described}]}}')

    with pytest.raises((UsageError, BuildError), match=why):
        builder.build(BuildRequest(build_contexts={"base": value}))


def test_buildctls_form_takes_layouts_by_name(builder: Builder, tmp_path: Path) -> None:
    digest = base_layout(tmp_path / "layout", b"generic\n")
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM base\n"})

    files = builder.files(
        BuildRequest(
            generic=True,
            local_dirs={"context": str(project), "dockerfile": str(project)},
            oci_layouts={"store": str(tmp_path / "layout")},
            frontend_options={"context:base": f"oci-layout://store@{digest}"},
        )
    )

    assert files == {"marker": b"generic\n"}


# -- Dockerfiles


def test_a_dockerfile_by_its_url_is_downloaded_by_the_daemon(builder: Builder, tmp_path: Path) -> None:
    dockerfile = "FROM scratch\nCOPY word /downloaded\n"
    write_tree(
        tmp_path,
        {"www/a/My.Dockerfile": dockerfile, "www/context.tar": tar_of(FILES), "here/word": "local\n"},
    )
    with served(tmp_path / "www") as url:
        named = f"{url}/a/My.Dockerfile?raw=1"

        local = builder.files(BuildRequest(context=str(tmp_path / "here"), dockerfile=named))
        remote = builder.files(BuildRequest(context=f"{url}/context.tar", dockerfile=named))
        archive = piped(builder, zstd(tar_of(FILES)), dockerfile=named)

    assert local == {"downloaded": b"local\n"}
    assert remote == archive == {"downloaded": b"from the archive\n"}


def test_a_dockerfile_that_cannot_be_downloaded_says_so(builder: Builder, tmp_path: Path) -> None:
    write_tree(tmp_path, {"www/large": b"#" * 3_000_000, "here/word": ""})
    with served(tmp_path / "www") as url:
        with pytest.raises(BuildError, match=r"can't download the Dockerfile.*404"):
            builder.build(BuildRequest(context=str(tmp_path / "here"), dockerfile=f"{url}/missing"))
        with pytest.raises(UsageError, match="too large for a Dockerfile"):
            builder.build(BuildRequest(context=str(tmp_path / "here"), dockerfile=f"{url}/large"))


@pytest.mark.parametrize("target", ["other/Real", "../outside/Real", "{root}/outside/Real"])
def test_a_dockerfile_may_be_a_link(builder: Builder, tmp_path: Path, target: str) -> None:
    dockerfile = "FROM scratch\nCOPY . /\n"
    files = {
        "project/other/Real": dockerfile,
        "outside/Real": dockerfile,
        "project/word": "w\n",
        "project/Linked.dockerignore": "other\nLinked*\n",
    }
    write_tree(tmp_path, files)
    (tmp_path / "project/Linked").symlink_to(target.format(root=tmp_path))

    built = builder.files(
        BuildRequest(context=str(tmp_path / "project"), dockerfile=str(tmp_path / "project/Linked"))
    )

    assert built == {"word": b"w\n"}


# -- git, with credentials


@contextmanager
def git_over_http(folder: Path, header: str) -> Iterator[str]:
    """Serve the repositories of a folder by git's own program to those who send an authorization header."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Write nothing."""

        def do_GET(self) -> None:
            if self.headers.get("Authorization") != header:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.end_headers()
                return
            path, _, query = self.path.partition("?")
            environment = {
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "tests",
                "PATH": os.environ["PATH"],
            }
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            done = subprocess.run(
                ["git", "http-backend"], env=environment, input=body, capture_output=True, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            status = [value for name, value in headers if name == "Status"]
            self.send_response(int(status[0].split()[0]) if status else 200)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name is the base class's

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="git")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("name", "value", "header"),
    [
        ("GIT_AUTH_TOKEN", "geheim", "basic " + base64.b64encode(b"x-access-token:geheim").decode()),
        ("GIT_AUTH_HEADER", "Bearer geheim", "Bearer geheim"),
    ],
)
def test_a_private_repository_is_cloned_with_the_secret_of_that_name(
    builder: Builder, tmp_path: Path, name: str, value: str, header: str
) -> None:
    work = write_tree(
        tmp_path / "git/app.git",
        {"Dockerfile": "FROM scratch\nCOPY --from=more word /\n", "word": "private\n"},
    )
    git = ("git", "-c", "user.name=tests", "-c", "user.email=tests@example.test", "-C", str(work))
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "one")):
        subprocess.run([*git, *arguments], check=True, timeout=30)
    builder.environment[name] = value
    with git_over_http(tmp_path / "git", header) as url:
        request = BuildRequest(
            context=f"{url}/app.git", build_contexts={"more": f"{url}/app.git?branch=main"}
        )
        with pytest.raises(BuildError):
            builder.build(request)

        files = builder.files(replace(request, secrets=(Secret(id=name, env=name),)))

    assert files == {"word": b"private\n"}
    assert "geheim" not in repr(builder.events)


def test_buildctl_makes_the_same_of_an_oci_layout(
    builder: Builder, buildkitd: Buildkitd, tmp_path: Path
) -> None:
    digest = base_layout(tmp_path / "layout", b"same\n")
    project = write_tree(tmp_path / "project", {"Dockerfile": "FROM base\nCOPY Dockerfile /\n"})
    argv = [
        *(str(binaries.find_buildctl()), "--addr", buildkitd.address, "build", "--frontend", "dockerfile.v0"),
        *("--local", f"context={project}", "--local", f"dockerfile={project}"),
        *("--oci-layout", f"base={tmp_path}/layout", "--opt", f"context:base=oci-layout://base@{digest}"),
        *("--output", f"type=tar,dest={tmp_path}/theirs.tar"),
    ]
    subprocess.run(argv, check=True, timeout=60, capture_output=True)

    ours = builder.files(
        BuildRequest(context=str(project), build_contexts={"base": f"oci-layout://{tmp_path}/layout"})
    )

    assert ours == tar_files((tmp_path / "theirs.tar").read_bytes())


# -- the command line


def run(options: list[str], stdin: bytes | int, scratch: Path) -> subprocess.CompletedProcess[bytes]:
    """Run `warmroute build` with something piped in, and a folder of its own for what it keeps."""
    scratch.mkdir(exist_ok=True)
    given: dict[str, object] = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    environment = {"PATH": SEARCH_PATH, "HOME": "/nonexistent", "TMPDIR": str(scratch)}
    done = subprocess.run(
        [WARMROUTE, "build", *options],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
        **given,  # type: ignore[call-overload]
    )
    assert list(scratch.iterdir()) == []
    assert b"Traceback" not in done.stderr
    return done  # type: ignore[no-any-return]


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_the_command_takes_an_archive_on_stdin(buildkitd: Buildkitd, tmp_path: Path, packing: str) -> None:
    options = ["--addr", buildkitd.address, "--key=k", "--file=Other", "--output=type=tar,dest=-", "-"]

    done = run(options, PACKINGS[packing](FILES), tmp_path / "scratch")

    assert done.returncode == 0, done.stderr
    assert tar_files(done.stdout) == {"other": b"from the archive\n"}


def test_the_command_takes_a_dockerfile_on_stdin(buildkitd: Buildkitd, tmp_path: Path) -> None:
    write_tree(tmp_path / "more", {"word": "more\n"})
    options = [
        "--addr",
        buildkitd.address,
        "--key=k",
        f"--build-context=more={tmp_path}/more",
        "--output=-",
        "-",
    ]

    done = run(options, b"FROM scratch\nCOPY --from=more word /\n", tmp_path / "scratch")

    assert done.returncode == 0, done.stderr
    assert tar_files(done.stdout) == {"word": b"more\n"}


@pytest.mark.parametrize(
    ("options", "data", "why"),
    [
        ([], b"", "but stdin is empty"),
        ([], b"\0" * 10240, "an archive without files"),
        ([], b"\x7fELF\x02\x01\0\0", "neither a Dockerfile nor a tar"),
        ([], b"# large\n" * (1 << 22), "too large for a Dockerfile"),
        (["--file=-"], b"FROM scratch\n", "can't both come from stdin"),
        (["--file=Other"], b"FROM scratch\n", "names another (Other)"),
    ],
)
def test_what_stdin_cannot_be_is_said(tmp_path: Path, options: list[str], data: bytes, why: str) -> None:
    done = run(["--addr=tcp://127.0.0.1:9", *options, "-"], data, tmp_path / "scratch")

    # Lines are wrapped at the terminal's width.
    assert (done.returncode, why in " ".join(done.stderr.decode().split())) == (2, True), done.stderr


def test_a_terminal_is_no_context(tmp_path: Path) -> None:
    controller, terminal = os.openpty()
    try:
        done = run(["--addr=tcp://127.0.0.1:9", "-"], terminal, tmp_path / "scratch")
    finally:
        os.close(controller)
        os.close(terminal)

    assert done.returncode == 2
    assert b"the context should come from stdin (-), but stdin is a terminal" in done.stderr


def test_a_disk_that_is_full_fails_with_what_to_do(tmp_path: Path) -> None:
    code = (
        "import os, resource, signal, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(WARMROUTE), "build", "--addr=tcp://127.0.0.1:9", "-"],
        input=tar_of({"large": b"x" * 1_000_000}),
        env={"PATH": SEARCH_PATH, "HOME": "/nonexistent", "TMPDIR": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert b"can't keep the context from stdin" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def buildx(buildkitd: Buildkitd, tmp_path: Path) -> Iterator[Callable[..., dict[str, bytes]]]:
    """Runs buildx on the same daemon: with options and stdin, it returns the files of the result."""
    environment = {"PATH": SEARCH_PATH, "HOME": "/nonexistent", "BUILDX_CONFIG": str(tmp_path / "buildx")}

    def call(*arguments: str, stdin: bytes = b"") -> None:
        argv = [str(binaries.buildx()), *arguments]
        subprocess.run(argv, env=environment, input=stdin, check=True, timeout=60, capture_output=True)

    def build(*options: str, stdin: bytes = b"") -> dict[str, bytes]:
        result = tmp_path / "buildx.tar"
        call("build", "--builder", "one", "--output", f"type=tar,dest={result}", *options, stdin=stdin)
        return tar_files(result.read_bytes())

    call("create", "--name", "one", "--driver", "remote", buildkitd.address)
    yield build
    call("rm", "one")


@pytest.mark.parametrize(
    ("options", "stdin"),
    [
        (["-"], tar_of(FILES)),
        (["--file", "Other", "-"], gzip.compress(tar_of(FILES))),
        (["--build-context", "more={root}/more", "-"], b"FROM scratch\nCOPY --from=more . /\n"),
        (["--file", "-", "{root}/more"], b"FROM scratch\nCOPY . /\n"),
        (
            [
                "--build-context",
                "word=oci-layout://{root}/layout:v1",
                "--file",
                "{root}/Stages",
                "{root}/more",
            ],
            b"",
        ),
        (["--build-context", "word={root}/more", "--file", "{root}/Stages", "{root}/more"], b""),
        (["--file", "{www}/Stages", "--build-context", "word={www}/more/a", "{root}/more"], b""),
        (["--build-context", "context={root}/more", "--file", "{root}/Stages", "{root}/more"], b""),
    ],
)
def test_the_result_is_the_same_as_that_of_buildx(
    buildx: Callable[..., dict[str, bytes]],
    buildkitd: Buildkitd,
    tmp_path: Path,
    options: list[str],
    stdin: bytes,
) -> None:
    files = {
        "Stages": "FROM scratch AS word\nCOPY a /stage\nFROM scratch\nCOPY --from=word / /\n",
        "more/a": "a\n",
        "more/b.log": "b\n",
        "more/.dockerignore": "*.log\n",
    }
    root = write_tree(tmp_path / "files", files)
    base_layout(root / "layout", b"marked\n", "v1")
    with served(root) as www:
        given = [option.format(root=root, www=www) for option in options]
        ours = run(["--addr", buildkitd.address, "--output=-", *given], stdin, tmp_path / "scratch")

        assert ours.returncode == 0, ours.stderr
        assert tar_files(ours.stdout) == buildx(*given, stdin=stdin)
