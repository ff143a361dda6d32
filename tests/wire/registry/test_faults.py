"""What a registry can do that a real one can't be made to: pauses, lost uploads, tokens that end, leaks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.errors import DialError, RegistryError
from router.notation.tag import Reference, parse_reference
from router.operations.create_image import ImageOrder, combine_image, publish_image
from router.registry.client import RegistryClient
from router.registry.descriptor import Descriptor
from router.registry.media_types import OCI_INDEX, OCI_MANIFEST
from router.registry.sources import parse_sources
from tests.wire.registry.fake_registry import Answer, FakeRegistry, digest_of, fake_registry
from tests.wire.transport.peers import unused_port

_LARGE = bytes(range(256)) * (72 * 1024)  # 18 MiB: three pieces


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(tmp_path: Path, pauses: list[float], registry: FakeRegistry) -> Iterator[RegistryClient]:
    login = base64.b64encode(b"me:sesame").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": login}}}))
    environment = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    with RegistryClient(environment, sleep=pauses.append) as opened:
        yield opened


def _named(registry: FakeRegistry, name: str = "app:1") -> Reference:
    return parse_reference(f"{registry.host}/{name}")


def _image(registry: FakeRegistry, tag: str) -> None:
    config = json.dumps({"os": "linux", "architecture": tag}).encode()
    registry.blobs[digest_of(config)] = config
    described = {"mediaType": "config", "digest": digest_of(config), "size": len(config)}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described, "layers": []}
    registry.put(tag, OCI_MANIFEST, json.dumps(manifest).encode())


def _blob(content: bytes) -> Descriptor:
    return Descriptor(media_type="layer", digest=digest_of(content), size=len(content))


def _reading(content: bytes) -> Callable[[int], bytes]:
    return lambda offset: content[offset : offset + (8 << 20)]


def _once(answer: Answer, method: str, part: str, times: int = 1) -> Callable[[str, str], Answer | None]:
    left = [times]

    def fault(asked: str, path: str) -> Answer | None:
        if asked != method or part not in path or not left[0]:
            return None
        left[0] -= 1
        return answer

    return fault


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_is_asked_again_after_the_pause_that_it_names(
    client: RegistryClient, registry: FakeRegistry, pauses: list[float], status: int
) -> None:
    _image(registry, "1")
    registry.fault = _once(Answer(status, {"Retry-After": "7"}), "GET", "/manifests/", times=2)

    found = client.pull(_named(registry))

    assert found.descriptor.media_type == OCI_MANIFEST
    assert pauses == [7.0, 7.0]


def test_a_pause_of_years_is_cut_and_a_registry_that_stays_busy_is_given_up(
    client: RegistryClient, registry: FakeRegistry, pauses: list[float]
) -> None:
    registry.fault = _once(Answer(429, {"Retry-After": "999999999"}), "GET", "/manifests/", times=99)

    with pytest.raises(DialError, match="429"):
        client.pull(_named(registry))

    assert pauses == [60.0] * 4


def test_a_token_that_expired_is_fetched_anew_once(client: RegistryClient, registry: FakeRegistry) -> None:
    _image(registry, "1")
    issued = []

    def fault(_method: str, path: str) -> Answer | None:
        if path.startswith("/token"):
            issued.append(path)
            return Answer(200, body=json.dumps({"token": f"t{len(issued)}"}).encode())
        if "/manifests/" in path and registry.logins[-1] != f"Bearer t{valid[0]}":
            realm = f'Bearer realm="http://{registry.host}/token",service="s",scope="repository:app:pull"'
            return Answer(401, {"WWW-Authenticate": realm})
        return None

    valid, registry.fault = [1], fault
    client.pull(_named(registry))
    client.pull(_named(registry))
    assert len(issued) == 1
    valid[0] = 2  # the first has expired
    client.pull(_named(registry))
    valid[0] = 99  # no token will do
    with pytest.raises(RegistryError, match="401") as caught:
        client.pull(_named(registry))

    assert len(issued) == 3
    assert caught.value.reason == "denied"


def test_where_a_registry_redirects_to_no_login_is_sent_and_no_challenge_is_answered(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    blob = _blob(b"content")
    with fake_registry() as store:
        store.blobs[blob.digest] = b"content"
        there = f"http://127.0.0.1:{store.port}/v2/app/blobs/{blob.digest}"
        basic = Answer(401, {"WWW-Authenticate": 'Basic realm="r"'})

        def fault(_method: str, path: str) -> Answer | None:
            if "/blobs/" not in path:
                return None
            return Answer(307, {"Location": there}) if registry.logins[-1] else basic

        registry.fault = fault
        assert client.blob(_named(registry), blob) == b"content"
        store.fault = lambda _method, _path: basic
        with pytest.raises(RegistryError, match="401"):
            client.blob(_named(registry), blob)

        assert registry.logins[-1].startswith("Basic ")
        assert store.logins == ["", ""]


def test_an_upload_that_breaks_off_goes_on_where_the_registry_says(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    registry.fault = _once(Answer(cut=True), "PATCH", "/uploads/")

    client.upload(_named(registry), _blob(_LARGE), _reading(_LARGE))

    assert registry.blobs == {digest_of(_LARGE): _LARGE}
    methods = [asked.split()[0] for asked in registry.asked if "/uploads/" in asked]
    assert methods == ["POST", "PATCH", "GET", "PATCH", "PATCH", "PATCH", "PUT"]


def test_an_upload_that_the_registry_has_lost_is_begun_anew(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    def fault(method: str, path: str) -> Answer | None:
        lost = method == "PATCH" and path.endswith("/uploads/0")
        if lost:
            registry.uploads.pop("/v2/app/blobs/uploads/0", None)
            registry.uploads["/other"] = b""
        return Answer(404) if lost else None

    registry.fault = fault

    client.upload(_named(registry), _blob(_LARGE), _reading(_LARGE))

    assert registry.blobs == {digest_of(_LARGE): _LARGE}


def test_an_upload_that_goes_on_at_another_host_takes_no_login_there(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    with fake_registry() as store:
        there = Answer(202, {"Location": f"http://127.0.0.1:{store.port}/v2/app/blobs/uploads/0"})
        store.uploads["/v2/app/blobs/uploads/0"] = b""

        def fault(method: str, _path: str) -> Answer | None:
            if not registry.logins[-1]:
                return Answer(401, {"WWW-Authenticate": 'Basic realm="r"'})
            return there if method == "POST" else None

        registry.fault = fault
        client.upload(_named(registry), _blob(b"content"), _reading(b"content"))

        assert registry.logins[-1].startswith("Basic ")
        assert (store.logins, list(store.blobs.values())) == ([""], [b"content"])


def test_content_that_is_another_ones_is_never_committed(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    with pytest.raises(RegistryError, match="doesn't match its digest"):
        client.upload(_named(registry), _blob(b"right"), _reading(b"wrong"))

    assert not any(asked.startswith("PUT") for asked in registry.asked)


def test_a_manifest_forgotten_between_push_and_index_is_named_and_nothing_is_tagged(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    with fake_registry() as source:
        _image(source, "amd64")
        _image(source, "arm64")
        order = ImageOrder(
            sources=parse_sources([f"{source.host}/app:{tag}" for tag in ("amd64", "arm64")]),
            tags=(_named(registry, "app:new"),),
        )
        combined = combine_image(client, order)
        first = combined.children[0][0].digest

        def fault(method: str, path: str) -> Answer | None:
            if method == "HEAD" and path.endswith(combined.children[1][0].digest):
                registry.manifests.pop(first, None)
            return None

        registry.fault = fault
        with pytest.raises(RegistryError, match=f"has lost {first} of app after it was pushed") as caught:
            publish_image(client, combined, order.tags, lambda _event: None)

    assert caught.value.reason == "not-found"
    assert "new" not in registry.manifests


def test_a_tag_that_is_refused_says_which_were_set_before(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    _image(registry, "amd64")
    order = ImageOrder(
        sources=parse_sources([f"{registry.host}/app:amd64"]),
        tags=(_named(registry, "app:one"), _named(registry, "app:two")),
    )
    combined = combine_image(client, order)
    registry.fault = _once(Answer(403), "PUT", "/manifests/two")

    with pytest.raises(RegistryError, match=rf"403 Forbidden; set before: {registry.host}/app:one") as caught:
        publish_image(client, combined, order.tags, lambda _event: None)

    assert (caught.value.reason, caught.value.hint) == ("denied", f"docker login {registry.host}")


@pytest.mark.parametrize(
    ("media_type", "content", "said", "reason"),
    [
        (OCI_INDEX, b"[", "is not valid JSON", "invalid"),
        (OCI_INDEX, b" " * (5 << 20), "answers with more than 4194304 bytes", "too-large"),
        (
            OCI_INDEX,
            json.dumps({"manifests": [{"digest": "../../x", "size": 1}]}).encode(),
            "without a valid",
            "invalid",
        ),
        (OCI_INDEX, json.dumps({"manifests": [{}] * 1001}).encode(), "lists more than 1000", "too-large"),
        (
            "text/html",
            b'{"mediaType": "a\\r\\nb: c", "config": {}}',
            "not an image of a known kind",
            "unsupported",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused_and_asked_for_once(  # noqa: PLR0917 -- a row each
    client: RegistryClient, registry: FakeRegistry, media_type: str, content: bytes, said: str, reason: str
) -> None:
    registry.put("1", media_type, content)

    with pytest.raises(RegistryError, match=said) as caught:
        _ = client.pull(_named(registry)).manifests

    assert (caught.value.reason, caught.value.exit_code) == (reason, 1)
    assert sum("/manifests/" in asked for asked in registry.asked) == 1


def test_a_manifest_that_is_not_there_is_an_answer(client: RegistryClient, registry: FakeRegistry) -> None:
    with pytest.raises(RegistryError, match=f"there is no image {registry.host}/app:1") as caught:
        client.pull(_named(registry))

    assert caught.value.reason == "not-found"


@pytest.mark.parametrize(("status", "reason"), [(400, "refused"), (403, "denied"), (500, "refused")])
def test_a_refusal_is_an_answer(
    client: RegistryClient, registry: FakeRegistry, status: int, reason: str
) -> None:
    registry.fault = _once(Answer(status), "GET", "/manifests/")

    with pytest.raises(RegistryError, match=f"answers {status}") as caught:
        client.pull(_named(registry))

    assert caught.value.reason == reason


def test_a_token_server_that_is_not_there_can_not_be_reached(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    realm = f'Bearer realm="http://127.0.0.1:{unused_port()}/token",service="s"'
    registry.fault = _once(Answer(401, {"WWW-Authenticate": realm}), "GET", "/manifests/")

    with pytest.raises(DialError, match="can't get a token"):
        client.pull(_named(registry))


def test_an_upload_that_is_to_continue_nowhere_is_the_registrys_fault(
    client: RegistryClient, registry: FakeRegistry
) -> None:
    registry.fault = _once(Answer(202, {"Location": "ftp://elsewhere/"}), "POST", "/uploads/")

    with pytest.raises(RegistryError, match="unusable Location"):
        client.upload(_named(registry), _blob(b"content"), _reading(b"content"))


def test_a_manifest_that_is_another_ones_is_refused(client: RegistryClient, registry: FakeRegistry) -> None:
    wanted = digest_of(b"wanted")
    registry.manifests[wanted] = (OCI_MANIFEST, b"{}")

    with pytest.raises(RegistryError, match="sent other content"):
        client.pull(_named(registry, f"app@{wanted}"))
