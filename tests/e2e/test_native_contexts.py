"""Named contexts, OCI layouts, Dockerfiles and private repositories, on a real buildkitd."""

from __future__ import annotations

import base64
import gzip
import http.server
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, Secret, UsageError
from tests.e2e.builder import SEARCH_PATH, Builder, served, tar_files, tar_of, write_tree
from tests.e2e.test_stdin_contexts import FILES, piped, run, zstd
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.oci import Entry, Image, write_layout
from tests.servers.registry import Registry


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
