"""`warmroute imagetools create` beside buildx's: the same sources give the same bytes under the tag."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.buildx_imagetools import Buildx
from tests.e2e.image_corpus import Corpus, push_corpus
from tests.e2e.program import Program
from tests.servers.registry import Registry, start_registry

# What stands for an image: @TAG is its name in the corpus, #TAG its digest, {TAG} its descriptor.
CASES: dict[str, tuple[str, ...]] = {
    "one image": ("@amd64",),
    "one image as it is": ("--prefer-index=false", "@amd64"),
    "one image of Docker's types": ("@docker-amd64",),
    "two images": ("@amd64", "@arm64"),
    "platform variants": ("@armv7", "@arm64", "@amd64"),
    "two images of Docker's types": ("@docker-amd64", "@docker-arm64"),
    "both kinds of types": ("@amd64", "@docker-arm64"),
    "an index as it is": ("@attested",),
    "a list of Docker's as it is": ("@docker",),
    "an index and an image": ("@attested", "@armv7"),
    "an index and an image that it has": ("@attested", "@arm64"),
    "two indexes": ("@attested", "@annotated"),
    "an annotated index as it is": ("@annotated",),
    "an annotation of the index": ("--annotation", "index:org.example=a < b & c", "@amd64", "@arm64"),
    "an annotation of every descriptor": ("--annotation", "manifest-descriptor:who=me", "@amd64", "@armv7"),
    "an annotation of one platform's": (
        *("--annotation", "manifest-descriptor[linux/arm/v7]:who=me"),
        *("@amd64", "@armv7"),
    ),
    "an annotation of an index that is there": ("--annotation", "index:who=me", "@annotated"),
    "an annotation that Docker's types have not": ("--annotation", "index:who=me", "@docker"),
    "one platform, attested": ("--platform", "linux/arm64", "@attested"),
    "two platforms of three": ("--platform", "linux/amd64,linux/arm/v7", "@attested", "@armv7"),
    "a platform of an annotated index": ("--platform", "linux/amd64", "@annotated"),
    "a digest": ("#amd64", "@arm64"),
    "a descriptor with its own platform": ('{"platform": {"os": "linux", "architecture": "riscv64"}}amd64',),
    "a descriptor with annotations": ('{"annotations": {"b": "2", "a": "<1>"}}arm64', "@amd64"),
}

# What has no name is in the tag's repository, so it can't be elsewhere.
NAMED = [case for case, words in CASES.items() if not any(each[0] in "#{" for each in words)]


@pytest.fixture(scope="module")
def buildx(tmp_path_factory: pytest.TempPathFactory) -> Buildx:
    return Buildx(tmp_path_factory.mktemp("buildx"))


@pytest.fixture(scope="module")
def corpus(registry: Registry) -> Corpus:
    return push_corpus(registry, "corpus/app")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that has nothing yet."""
    with start_registry(tmp_path_factory.mktemp("elsewhere")) as server:
        yield server


def _slug(case: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in case.lower())


def _argument(corpus: Corpus, text: str) -> str:
    if text.startswith("{"):
        value, _, tag = text.rpartition("}")
        described = {"digest": corpus.registry.digest(corpus.repository, tag), **json.loads(value + "}")}
        return json.dumps(described)
    if text.startswith("#"):
        return corpus.registry.digest(corpus.repository, text[1:])
    return corpus.name(text[1:]) if text.startswith("@") else text


@pytest.mark.parametrize("case", CASES)
def test_the_same_bytes_as_buildx_makes_are_tagged(case: str, corpus: Corpus, buildx: Buildx) -> None:
    arguments = [_argument(corpus, each) for each in CASES[case]]

    tags = [f"{whose}-{_slug(case)}" for whose in ("theirs", "ours")]
    theirs = buildx.imagetools("create", "--tag", corpus.name(tags[0]), *arguments)
    ours = Program().run("imagetools", "create", "--tag", corpus.name(tags[1]), *arguments)

    assert (theirs.returncode, ours.code) == (0, 0), theirs.stderr + ours.stderr
    made = [corpus.registry.raw_manifest(corpus.repository, tag) for tag in tags]
    assert made[1] == made[0]


@pytest.mark.parametrize(("source", "told"), [("docker", True), ("amd64", False)])
def test_annotations_that_docker_s_types_can_not_hold_are_told(
    source: str, told: bool, corpus: Corpus
) -> None:
    done = Program().run(
        "imagetools", "create", "--dry-run", "--annotation", "index:who=me", corpus.name(source)
    )

    assert done.code == 0, done.stderr
    assert ("--annotation has no effect" in done.stderr) is told
    assert ('"who": "me"' in done.stdout) is not told


@pytest.mark.parametrize("case", NAMED)
def test_another_registry_gets_the_image_with_all_that_it_is_made_of(
    case: str, corpus: Corpus, buildx: Buildx, elsewhere: Registry
) -> None:
    arguments = [_argument(corpus, each) for each in CASES[case]]
    slug = _slug(case)
    target = f"{elsewhere.host}/{slug}:1"

    ours = Program().run("imagetools", "create", "--tag", target, *arguments)

    assert ours.code == 0, ours.stderr
    expected = buildx.imagetools("create", "--dry-run", *arguments)
    assert elsewhere.raw_manifest(slug, "1").decode() == expected.stdout.removesuffix("\n")
    assert _blobs(elsewhere, slug, "1")


def _blobs(registry: Registry, repository: str, reference: str) -> list[bytes]:
    """Return all blobs of an image; a registry that lacks one answers with an error."""
    manifest = json.loads(registry.raw_manifest(repository, reference))
    children = [each["digest"] for each in manifest.get("manifests", ())]
    found = [blob for digest in children for blob in _blobs(registry, repository, digest)]
    described = [manifest["config"], *manifest["layers"]] if "config" in manifest else []
    return found + [registry.blob(repository, each["digest"]) for each in described]


def test_append_adds_to_what_the_tag_names(corpus: Corpus, buildx: Buildx) -> None:
    for tag in ("appended-theirs", "appended-ours"):
        Program().ok(
            "imagetools", "create", "-t", corpus.name(tag), corpus.name("amd64"), corpus.name("arm64")
        )

    theirs = buildx.imagetools(
        "create", "--dry-run", "--append", "-t", corpus.name("appended-theirs"), corpus.name("armv7")
    )
    Program().ok("imagetools", "create", "--append", "-t", corpus.name("appended-ours"), corpus.name("armv7"))

    made = corpus.registry.raw_manifest(corpus.repository, "appended-ours").decode()
    assert made == theirs.stdout.removesuffix("\n")
    assert len(json.loads(made)["manifests"]) == 3


def test_a_dry_run_prints_the_image_and_pushes_nothing(corpus: Corpus, buildx: Buildx) -> None:
    words = ("create", "--dry-run", "-t", corpus.name("dry"), corpus.name("amd64"), corpus.name("arm64"))

    ours = Program().ok("imagetools", *words)

    assert ours.stdout == buildx.imagetools(*words).stdout
    assert "dry" not in corpus.registry.tags(corpus.repository)


def test_many_tags_in_two_registries_name_one_image_and_the_metadata_is_buildxs(
    corpus: Corpus, buildx: Buildx, elsewhere: Registry, tmp_path: Path
) -> None:
    def words(whose: str) -> list[str | Path]:
        names = [corpus.name(f"{whose}-1"), corpus.name(f"{whose}-2"), f"{elsewhere.host}/many:{whose}"]
        tags = [word for name in names for word in ("-t", name)]
        return ["create", *tags, "--metadata-file", tmp_path / whose, corpus.name("attested")]

    ours = Program().run("imagetools", *words("ours"))
    theirs = buildx.imagetools(*words("theirs"))

    assert (ours.code, theirs.returncode) == (0, 0), ours.stderr + theirs.stderr
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    digests = {
        *(corpus.registry.digest(corpus.repository, f"ours-{number}") for number in (1, 2)),
        elsewhere.digest("many", "ours"),
    }
    assert digests == {corpus.registry.digest(corpus.repository, "attested")}


def test_a_file_holds_a_source(corpus: Corpus, tmp_path: Path) -> None:
    digest = corpus.registry.digest(corpus.repository, "amd64")
    (tmp_path / "source.json").write_text(json.dumps({"digest": digest, "platform": {"os": "plan9"}}))

    done = Program().ok(
        *("imagetools", "create", "--dry-run", "-f", tmp_path / "source.json"), corpus.name("arm64")
    )

    assert [each["platform"]["os"] for each in done.json["manifests"]] == ["plan9", "linux"]


def test_a_login_and_a_token_are_got_as_for_a_build(
    corpus: Corpus, private_registry: Registry, tmp_path: Path
) -> None:
    environment = {"DOCKER_CONFIG": str(private_registry.docker_config(tmp_path))}
    target = f"{private_registry.host}/team/app:1"

    refused = Program().run("imagetools", "create", "-t", target, corpus.name("attested"))
    done = Program(environment=environment).run("imagetools", "create", "-t", target, corpus.name("attested"))

    assert done.code == 0, done.stderr
    assert private_registry.digest("team/app", "1") == corpus.registry.digest(corpus.repository, "attested")
    assert refused.code == 1
    assert f"docker login {private_registry.host}" in refused.stderr


def test_a_blob_of_several_pieces_is_copied(corpus: Corpus, elsewhere: Registry) -> None:
    layer = bytes(range(256)) * (70 * 1024)  # 17.5 MiB: three pieces
    corpus.image("large", {"architecture": "amd64", "os": "linux"}, layer=layer)

    Program().ok("imagetools", "create", "-t", f"{elsewhere.host}/large:1", corpus.name("large"))

    assert layer in _blobs(elsewhere, "large", "1")


def test_blobs_are_mounted_within_a_registry(corpus: Corpus) -> None:
    registry = corpus.registry
    before = registry.log.read_text()

    Program().ok("imagetools", "create", "-t", f"{registry.host}/mounted:1", corpus.name("attested"))

    asked = registry.log.read_text().removeprefix(before)
    assert "mount=sha256" in asked
    assert _blobs(registry, "mounted", "1")
    assert "PATCH" not in asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-t", "@new"), "no source image is given"),
        (("@amd64",), "the new image has no name"),
        (("-t", "@new", "--platform", "linux/s390x", "@attested"), "none of the images is for linux/s390x"),
        (("-t", "@new", "--annotation", "a=b", "@amd64"), "the annotation a is for the manifest"),
        (("-t", "@new", '{"digest": "sha256:1"}'), "without a valid digest"),
        (
            ("-t", "@new", '{"mediaType": "application/vnd.oci.image.index.v1+json"}amd64'),
            "its descriptor says",
        ),
        (("-t", "@new", '{"size": 7}amd64'), "its descriptor says 7"),
        (("-t", "@new", "{"), "the descriptor is not valid JSON"),
        (("-t", "@new", "-t", "127.0.0.1:1/b:1", f"sha256:{64 * '1'}"), "several repositories are named"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_tagged(
    corpus: Corpus, words: tuple[str, ...], said: str
) -> None:
    done = Program().run(
        "imagetools",
        "create",
        *(_argument(corpus, each) if each[0] == "@" or "}amd64" in each else each for each in words),
    )

    assert done.code == 2
    assert said in done.stderr
    assert "new" not in corpus.registry.tags(corpus.repository)


def test_a_source_that_is_not_there_is_told_and_nothing_is_tagged(corpus: Corpus) -> None:
    done = Program().run("imagetools", "create", "-t", corpus.name("new"), corpus.name("nowhere"))

    assert done.code == 1
    assert f"there is no image {corpus.name('nowhere')}" in done.stderr
    assert "new" not in corpus.registry.tags(corpus.repository)
