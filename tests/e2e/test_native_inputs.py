"""What a build is made from: contexts, Dockerfiles, ignore files, arguments; native, on a real buildkitd."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import BuildRequest, Secret
from tests.e2e.builder import Builder, write_tree

COPY_ALL = "FROM scratch\nCOPY . /\n"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context of three files and a Dockerfile that copies them all."""
    files = {"Dockerfile": COPY_ALL, "a.txt": "a\n", "b.log": "b\n", "sub/c.txt": "c\n"}
    return write_tree(tmp_path / "context", files)


def test_the_files_of_a_context_arrive_as_they_are(builder: Builder, context: Path) -> None:
    files = builder.files(BuildRequest(context=str(context)))

    assert files == {"Dockerfile": COPY_ALL.encode(), "a.txt": b"a\n", "b.log": b"b\n", "sub/c.txt": b"c\n"}


def test_the_dockerfile_may_have_another_name_within_the_context(builder: Builder, context: Path) -> None:
    write_tree(context, {"sub/Other.Dockerfile": "FROM scratch\nCOPY a.txt /other\n"})

    files = builder.files(
        BuildRequest(context=str(context), dockerfile=str(context / "sub/Other.Dockerfile"))
    )

    assert files == {"other": b"a\n"}


def test_the_dockerfile_may_lie_outside_of_the_context(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    outside = write_tree(tmp_path / "outside", {"My.Dockerfile": "FROM scratch\nCOPY a.txt /outside\n"})

    files = builder.files(BuildRequest(context=str(context), dockerfile=str(outside / "My.Dockerfile")))

    assert files == {"outside": b"a\n"}


def test_the_dockerfile_may_come_as_text(builder: Builder, context: Path) -> None:
    request = BuildRequest(context=str(context), dockerfile_text=b"FROM scratch\nCOPY a.txt /text\n")

    assert builder.files(request) == {"text": b"a\n"}


def test_a_lower_case_dockerfile_is_found(builder: Builder, context: Path) -> None:
    (context / "Dockerfile").rename(context / "dockerfile")

    assert "a.txt" in builder.files(BuildRequest(context=str(context)))


def test_what_dockerignore_names_stays_here(builder: Builder, context: Path) -> None:
    write_tree(context, {".dockerignore": "*.log\nsub\n!sub/kept\n", "sub/kept": "kept\n"})

    files = builder.files(BuildRequest(context=str(context)))

    assert set(files) == {".dockerignore", "Dockerfile", "a.txt", "sub/kept"}


def test_a_dockerfiles_own_ignore_file_wins(builder: Builder, context: Path) -> None:
    write_tree(context, {".dockerignore": "*.log\n", "Dockerfile.dockerignore": "sub\nDockerfile*\n"})

    files = builder.files(BuildRequest(context=str(context)))

    assert set(files) == {".dockerignore", "a.txt", "b.log"}


def test_the_own_ignore_file_of_a_dockerfile_elsewhere_counts(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    files = {"My.Dockerfile": COPY_ALL, "My.Dockerfile.dockerignore": "sub\nDockerfile\n"}
    outside = write_tree(tmp_path / "outside", files)

    files_there = builder.files(BuildRequest(context=str(context), dockerfile=str(outside / "My.Dockerfile")))

    assert set(files_there) == {"a.txt", "b.log"}


def test_arguments_labels_and_target_take_effect(builder: Builder, context: Path) -> None:
    dockerfile = """\
FROM scratch AS chosen
ARG NAME
ENV SAID=$NAME
COPY a.txt /chosen
FROM scratch
COPY a.txt /last
"""
    write_tree(context, {"Dockerfile": dockerfile})
    request = BuildRequest(
        context=str(context),
        build_args={"NAME": "hello, 'world' = \"ä\""},
        labels={"team": "a,b=c", "empty": ""},
        target="chosen",
    )

    image = builder.image(request)

    assert image.files() == {"chosen": b"a\n"}
    assert image.config()["config"]["Labels"] == {"team": "a,b=c", "empty": ""}
    assert "SAID=hello, 'world' = \"ä\"" in image.config()["config"]["Env"]


def test_one_platform_can_be_chosen(builder: Builder, context: Path) -> None:
    image = builder.image(BuildRequest(context=str(context), platforms=("linux/arm64",)))

    assert set(image.manifests()) == {"linux/arm64"}


def test_several_platforms_make_an_index(builder: Builder, context: Path) -> None:
    dockerfile = "FROM scratch\nARG TARGETARCH\nENV ARCH=$TARGETARCH\nCOPY a.txt /\n"
    write_tree(context, {"Dockerfile": dockerfile})

    image = builder.image(BuildRequest(context=str(context), platforms=("linux/amd64", "linux/arm64")))

    environments = {platform: image.config(platform)["config"]["Env"][-1] for platform in image.manifests()}
    assert environments == {"linux/amd64": "ARCH=amd64", "linux/arm64": "ARCH=arm64"}


def test_secrets_from_a_file_and_a_variable_reach_the_step(
    builder: Builder, busybox: str, tmp_path: Path
) -> None:
    dockerfile = f"""\
FROM {busybox}
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=FROM_ENV \\
    cat /run/secrets/file | wc -c >/sizes && echo "$FROM_ENV" | wc -c >>/sizes
"""
    write_tree(tmp_path / "context", {"Dockerfile": dockerfile})
    (tmp_path / "secret").write_bytes(b"\0four")
    builder.environment["MY_SECRET"] = "sixsix"
    request = BuildRequest(
        context=str(tmp_path / "context"),
        secrets=(
            Secret(id="file", path=str(tmp_path / "secret")),
            Secret(id="variable", env="MY_SECRET"),
        ),
    )

    assert builder.files(request)["sizes"].split() == [b"5", b"7"]


def test_a_second_build_is_cached_and_no_cache_builds_anew(
    builder: Builder, busybox: str, tmp_path: Path
) -> None:
    write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nRUN echo {tmp_path.name}\n"})
    step = f"[2/2] RUN echo {tmp_path.name}"

    cached = []
    for no_cache in (False, False, True):
        builder.events.clear()
        builder.build(BuildRequest(context=str(tmp_path / "context"), no_cache=no_cache))
        cached.append(builder.vertexes[step].cached)

    assert cached == [False, True, False]
