"""`warmroute imagetools inspect` beside buildx's: the same text."""

from __future__ import annotations

import re

import pytest

from tests.e2e.buildx_imagetools import Buildx
from tests.e2e.image_corpus import Corpus, push_corpus
from tests.e2e.program import Program
from tests.servers.registry import Registry


@pytest.fixture(scope="module")
def buildx(tmp_path_factory: pytest.TempPathFactory) -> Buildx:
    return Buildx(tmp_path_factory.mktemp("buildx"))


@pytest.fixture(scope="module")
def corpus(registry: Registry) -> Corpus:
    return push_corpus(registry, "inspected/app")


TAGS = ("amd64", "docker-amd64", "attested", "docker", "annotated")


def _sorted(text: str) -> list[str]:
    """Return lines, those of annotations in an order: buildx prints them in a random one."""
    found = re.sub(r"(?m)(^    .*\n)+", lambda lines: "".join(sorted(lines[0].splitlines(True))), text)
    return found.split("\n")


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    "options",
    [(), ("--raw",), *(("--format", form) for form in ("{{json .Manifest}}", "{{ .Manifest }}"))],
)
def test_it_prints_what_buildx_prints(
    corpus: Corpus, buildx: Buildx, tag: str, options: tuple[str, ...]
) -> None:
    words = ("inspect", *options, corpus.name(tag))

    ours, theirs = Program().ok("imagetools", *words), buildx.imagetools(*words)

    assert theirs.returncode == 0, theirs.stderr
    if "--raw" in options or "{{json .Manifest}}" in options:
        assert ours.stdout == theirs.stdout
    else:
        # What could end a line for some program is not printed.
        assert _sorted(ours.stdout) == _sorted(theirs.stdout.replace("\u2028", ""))


@pytest.mark.parametrize(
    "form", ["{{.Manifest.Digest}}", "{{.Name}} is {{.Manifest.MediaType}}, {{.Manifest.Size}}\n"]
)
@pytest.mark.parametrize("tag", ["amd64", "attested"])
def test_fields_of_a_template_are_buildxs(corpus: Corpus, buildx: Buildx, tag: str, form: str) -> None:
    words = ("inspect", "--format", form, corpus.name(tag))

    assert Program().ok("imagetools", *words).stdout == buildx.imagetools(*words).stdout


def test_json_is_short_for_the_manifest(corpus: Corpus) -> None:
    name = corpus.name("attested")

    short, long = (
        Program().ok("imagetools", "inspect", "--format", form, name)
        for form in ("json", "{{json .Manifest}}")
    )

    assert short.stdout == long.stdout
    assert short.json["digest"] == corpus.registry.digest(corpus.repository, "attested")


def test_a_digest_names_an_image_too(corpus: Corpus, buildx: Buildx) -> None:
    digest = corpus.registry.digest(corpus.repository, "arm64")
    words = ("inspect", f"{corpus.registry.host}/{corpus.repository}@{digest}")

    assert Program().ok("imagetools", *words).stdout == buildx.imagetools(*words).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "{{.SBOM}}"), "there is no field .SBOM"),
        (("--format", "{{range .Manifest.Manifests}}x{{end}}"), "is neither a field nor json of one"),
        (("--format", "{{.Manifest.Manifests}}"), "write json .Manifest.Manifests"),
        (("--format", "{{.Name"), "a brace is not closed"),
        (("--format", "json", "--raw"), "exclude each other"),
    ],
)
def test_what_is_not_read_is_refused(corpus: Corpus, words: tuple[str, ...], said: str) -> None:
    done = Program().run("imagetools", "inspect", *words, corpus.name("attested"))

    assert done.code == 2
    assert said in done.stderr
    assert not done.stdout


def test_an_image_that_is_not_there_is_told_as_buildx_does(corpus: Corpus, buildx: Buildx) -> None:
    done = Program().run("imagetools", "inspect", corpus.name("nowhere"))

    assert (done.code, done.stdout) == (1, "")
    assert buildx.imagetools("inspect", corpus.name("nowhere")).returncode == 1
    assert f"there is no image {corpus.name('nowhere')}" in done.stderr
