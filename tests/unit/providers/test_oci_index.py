"""The index of an OCI layout: names, several programs at once, and what is no index."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import OutputError, UsageError
from router.providers import oci_index
from router.providers.oci_index import (
    by_name,
    by_tag,
    only_image,
    put_image,
    remove_unnamed,
    resolve_image,
)
from router.providers.oci_layout import OCILayout

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def layout(tmp_path: Path) -> OCILayout:
    return OCILayout(str(tmp_path / "layout"), writable=True)


def described(layout: OCILayout, content: object, kind: str = "application/octet-stream") -> dict[str, Any]:
    """Write a blob and return its descriptor."""
    data = json.dumps(content).encode()
    digest = f"sha256:{sha256(data).hexdigest()}"
    if layout.find(digest) is None:
        writer = layout.begin()
        writer.write(data)
        writer.commit()
    return {"mediaType": kind, "digest": digest, "size": len(data)}


def index_of(layout: OCILayout) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(layout.path, "index.json").read_bytes())
    return found


def test_an_image_is_found_by_its_tag(layout: OCILayout) -> None:
    first, second = described(layout, 1), described(layout, 2)

    put_image(layout, first, [by_tag("latest")])
    put_image(layout, second, [by_tag("main"), by_name("registry.example/app:v1")])

    assert resolve_image(layout, "latest") == first["digest"]
    for name in ("main", "v1", "registry.example/app:v1"):
        assert resolve_image(layout, name) == second["digest"]
    assert resolve_image(layout, "other") is None
    assert json.loads(Path(layout.path, "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert index_of(layout)["mediaType"] == INDEX


def test_a_tag_moves_to_the_newest_image_and_others_stay(layout: OCILayout) -> None:
    old, new, other = (described(layout, number) for number in range(3))
    put_image(layout, old, [by_tag("latest")])
    put_image(layout, other, [by_tag("main")])

    put_image(layout, new, [by_tag("latest")])

    assert resolve_image(layout, "latest") == new["digest"]
    assert resolve_image(layout, "main") == other["digest"]
    assert len(index_of(layout)["manifests"]) == 2


def test_what_others_wrote_into_an_index_stays(layout: OCILayout) -> None:
    put_image(layout, described(layout, 1), [by_tag("latest")])
    path = Path(layout.path, "index.json")
    path.write_text(json.dumps({**index_of(layout), "annotations": {"from": "somebody"}}))

    put_image(layout, {**described(layout, 2), "annotations": {"a": "b"}}, [by_tag("main")])

    assert index_of(layout)["annotations"] == {"from": "somebody"}
    assert index_of(layout)["manifests"][1]["annotations"]["a"] == "b"


def test_the_only_image_needs_no_name(layout: OCILayout) -> None:
    image = described(layout, 1)
    put_image(layout, image, [by_name("registry.example/app:v1")])

    assert only_image(layout) == image["digest"]
    put_image(layout, image, [by_tag("main")])
    assert only_image(layout) is None


def test_programs_that_write_at_once_lose_nothing(layout: OCILayout) -> None:
    image = described(layout, 1)
    code = (
        "import sys; from router.providers.oci_index import *; from router.providers.oci_layout import *\n"
        "layout = OCILayout(sys.argv[1], writable=True)\n"
        "for n in range(20):\n"
        "    put_image(layout, {'digest': sys.argv[2], 'size': 1}, [by_tag(f'{sys.argv[3]}-{n}')])"
    )
    argv = [sys.executable, "-c", code, layout.path, image["digest"]]

    programs = [subprocess.Popen([*argv, str(number)]) for number in range(4)]

    assert [program.wait(60) for program in programs] == [0] * 4
    tags = {
        manifest["annotations"]["org.opencontainers.image.ref.name"]
        for manifest in index_of(layout)["manifests"]
    }
    assert tags == {f"{program}-{number}" for program in range(4) for number in range(20)}
    assert sorted(os.listdir(layout.path)) == ["blobs", "index.json", "oci-layout"]


def test_a_lock_that_is_never_released_is_an_error(
    layout: OCILayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = described(layout, 1)
    monkeypatch.setattr(oci_index, "_LOCK_TIMEOUT", 0.05)
    with Path(layout.path, "index.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(OutputError, match="another program holds"):
            put_image(layout, image, [by_tag("latest")])

    put_image(layout, image, [by_tag("latest")])


def test_blobs_that_no_image_has_are_removed(layout: OCILayout) -> None:
    config, layer, garbage = (described(layout, name) for name in ("config", "layer", "garbage"))
    manifest = described(layout, {"config": config, "layers": [layer]}, MANIFEST)
    index = described(layout, {"manifests": [manifest]}, INDEX)
    put_image(layout, index, [by_tag("latest")])

    remove_unnamed(layout)

    kept = {blob.digest for blob in layout.blobs()}
    assert kept == {item["digest"] for item in (config, layer, manifest, index)}
    assert garbage["digest"] not in kept


def test_a_directory_without_an_index_says_so(layout: OCILayout) -> None:
    with pytest.raises(UsageError, match=r"can't read .*index\.json"):
        resolve_image(layout, "latest")


def test_a_description_without_a_digest_is_not_put_into_an_index(layout: OCILayout) -> None:
    with pytest.raises(OutputError, match="has no digest"):
        put_image(layout, {"digest": "../../x"}, [by_tag("latest")])


@given(
    data=st.binary(max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["manifests", "digest", "annotations"]), inner, max_size=3)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_what_is_no_index_names_nothing_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    layout = OCILayout(str(tmp_path_factory.mktemp("layout")))
    Path(layout.path, "index.json").write_bytes(data)

    found = None
    with suppress(UsageError):
        found = resolve_image(layout, "latest")

    assert found is None
