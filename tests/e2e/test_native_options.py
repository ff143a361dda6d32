"""Options for steps, images and sources, and buildctl's generic form; native, on a real buildkitd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, UsageError
from router.model.build_options import Annotation, Attestation, ExtraHost, Ulimit
from router.rpc.protobuf import field
from tests.e2e.builder import Builder, write_tree
from tests.e2e.conftest import native
from tests.servers.buildkitd import start_buildkitd


@pytest.fixture
def context(tmp_path: Path, busybox: str) -> Path:
    """A context whose only step says what its surroundings are."""
    step = "RUN cat /etc/hosts /proc/self/limits /proc/mounts && env && echo net: && cat /proc/net/dev"
    return write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nARG MARK\n{step}\n"})


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """A builder on a daemon that grants every right."""
    directory = tmp_path_factory.mktemp("lenient")
    with start_buildkitd(
        directory, config='insecure-entitlements = ["network.host", "security.insecure"]\n'
    ) as daemon:
        yield native(daemon, directory)


def said(builder: Builder, request: BuildRequest) -> str:
    builder.build(request)
    return builder.log.decode()


def test_steps_know_added_hosts(builder: Builder, context: Path) -> None:
    hosts = (ExtraHost(host="registry.internal", addresses=("10.1.2.3", "fd00::1")),)

    lines = said(builder, BuildRequest(context=str(context), add_hosts=hosts)).split("\n")

    pairs = [line.split() for line in lines]
    assert ["10.1.2.3", "registry.internal"] in pairs
    assert ["fd00::1", "registry.internal"] in pairs


def test_a_daemon_of_its_own_has_no_host_gateway(builder: Builder, context: Path) -> None:
    hosts = (ExtraHost(host="host.docker.internal", addresses=("host-gateway",)),)

    with pytest.raises(UsageError, match="does not report its host's address"):
        builder.build(BuildRequest(context=str(context), add_hosts=hosts))


def test_steps_have_the_limits_and_the_shared_memory_that_were_asked_for(
    builder: Builder, context: Path
) -> None:
    limits = (Ulimit(name="nofile", soft=123, hard=456),)

    told = said(builder, BuildRequest(context=str(context), ulimits=limits, shm_size=9 << 20))

    line = next(line for line in told.split("\n") if line.startswith("Max open files"))
    assert line.split()[3:5] == ["123", "456"]
    assert any("/dev/shm" in line and "size=9216k" in line for line in told.split("\n"))


def test_steps_without_a_network_have_the_loopback_alone(builder: Builder, context: Path) -> None:
    told = said(builder, BuildRequest(context=str(context), network="none"))

    devices = told[told.index("net:") :]
    assert "lo:" in devices
    assert "eth0" not in devices


def test_the_hosts_network_needs_a_right_that_the_daemon_may_refuse(
    builder: Builder, lenient: Builder, context: Path
) -> None:
    request = BuildRequest(context=str(context), network="host", no_cache=True)

    with pytest.raises(BuildError, match=r"network\.host"):
        builder.build(request)
    assert "net:" in said(lenient, request)


def test_a_right_is_granted_where_it_is_allowed(lenient: Builder, tmp_path: Path, busybox: str) -> None:
    step = "RUN --security=insecure cat /proc/self/status"
    context = write_tree(tmp_path / "insecure", {"Dockerfile": f"FROM {busybox}\n{step}\n"})
    request = BuildRequest(context=str(context), no_cache=True)

    with pytest.raises(BuildError, match=r"security\.insecure"):
        lenient.build(request)
    told = said(lenient, BuildRequest(context=str(context), allow=("security.insecure",), no_cache=True))

    capabilities = [line.split()[1] for line in told.split("\n") if line.startswith("CapEff")]
    assert int(capabilities[-1], 16) >> 21 & 1, "CAP_SYS_ADMIN"


def test_only_the_named_stages_are_built_anew(builder: Builder, tmp_path: Path, busybox: str) -> None:
    text = f"FROM {busybox} AS one\nRUN echo 1 > /1\nFROM {busybox} AS two\nRUN echo 2 > /2\nFROM scratch\n"
    copies = "COPY --from=one /1 /1\nCOPY --from=two /2 /2\n"
    context = write_tree(tmp_path / "stages", {"Dockerfile": text + copies})
    builder.build(BuildRequest(context=str(context)))
    builder.events.clear()

    builder.build(BuildRequest(context=str(context), no_cache_filter=("two",)))

    cached = {name: vertex.cached for name, vertex in builder.vertexes.items() if "RUN" in name}
    assert cached == {"[one 2/2] RUN echo 1 > /1": True, "[two 2/2] RUN echo 2 > /2": False}


def test_annotations_stand_where_they_were_asked_for(builder: Builder, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "plain", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    annotations = (
        Annotation(key="plain", value="a"),
        Annotation(key="typed", value="b, c", type="manifest", platform="linux/arm64"),
        Annotation(key="whole", value="d", type="index"),
    )
    platforms = ("linux/amd64", "linux/arm64")

    image = builder.image(BuildRequest(context=str(context), annotations=annotations, platforms=platforms))

    assert image.json(image.index["manifests"][0]["digest"])["annotations"] == {"whole": "d"}
    manifests = image.manifests()
    assert manifests["linux/amd64"]["annotations"] == {"plain": "a"}
    assert manifests["linux/arm64"]["annotations"] == {"plain": "a", "typed": "b, c"}


@pytest.mark.parametrize("mode", ["min", "max"])
def test_provenance_is_attached_when_asked_for(builder: Builder, tmp_path: Path, mode: str) -> None:
    context = write_tree(tmp_path / "plain", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    plain = BuildRequest(context=str(context), labels={"mode": mode})
    asked = Attestation(type="provenance", attrs={"mode": mode})

    without = builder.image(plain)
    with_it = builder.image(BuildRequest(context=str(context), labels={"mode": mode}, attestations=(asked,)))

    assert "config" in without.json(without.index["manifests"][0]["digest"]), "one image, no index"
    index = with_it.json(with_it.index["manifests"][0]["digest"])
    kinds = [item.get("annotations", {}).get("vnd.docker.reference.type") for item in index["manifests"]]
    assert kinds == [None, "attestation-manifest"]
    manifest = with_it.json(index["manifests"][1]["digest"])
    statement = with_it.json(manifest["layers"][0]["digest"])
    assert "slsa.dev/provenance" in statement["predicateType"]


def test_the_date_of_a_build_comes_from_the_environment(builder: Builder, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "plain", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    builder.environment["SOURCE_DATE_EPOCH"] = "1000000000"

    config = builder.image(BuildRequest(context=str(context))).config()

    assert config["created"] == "2001-09-09T01:46:40Z"


def test_proxies_of_the_docker_config_reach_the_steps_and_not_the_image(
    builder: Builder, context: Path, tmp_path: Path
) -> None:
    proxies = {"default": {"httpProxy": "http://proxy.test:3128", "noProxy": "localhost"}}
    write_tree(tmp_path / "docker", {"config.json": json.dumps({"proxies": proxies})})
    builder.environment["DOCKER_CONFIG"] = str(tmp_path / "docker")
    request = BuildRequest(context=str(context), build_args={"no_proxy": "mine.test"})

    config = builder.image(request).config()

    told = builder.log.decode().split("\n")
    assert "HTTP_PROXY=http://proxy.test:3128" in told
    assert "http_proxy=http://proxy.test:3128" in told
    assert "no_proxy=mine.test" in told
    assert not any("proxy.test" in variable for variable in config["config"]["Env"])


def test_a_source_policy_denies_and_replaces_sources(
    builder: Builder, context: Path, busybox: str, tmp_path: Path
) -> None:
    deny = {"rules": [{"action": "DENY", "selector": {"identifier": "docker-image://*"}}]}
    with pytest.raises(BuildError, match="denied by policy"):
        builder.build(BuildRequest(context=str(context), source_policy=json.dumps(deny)))

    other = write_tree(tmp_path / "other", {"Dockerfile": "FROM base.test/nowhere:1\nRUN echo replaced\n"})
    convert = {
        "action": "CONVERT",
        "selector": {"identifier": "docker-image://base.test/nowhere:1"},
        "updates": {"identifier": f"docker-image://{busybox}"},
    }
    told = said(builder, BuildRequest(context=str(other), source_policy=json.dumps({"rules": [convert]})))
    assert "replaced" in told


def test_a_frontend_gets_its_own_directories_and_options(builder: Builder, tmp_path: Path) -> None:
    write_tree(tmp_path / "sources", {"a.txt": "a\n"})
    write_tree(tmp_path / "recipes", {"app.Dockerfile": "FROM scratch AS app\nCOPY a.txt /\nFROM scratch\n"})

    files = builder.files(
        BuildRequest(
            generic=True,
            frontend="dockerfile.v0",
            frontend_options={"filename": "app.Dockerfile", "target": "app"},
            local_dirs={"context": str(tmp_path / "sources"), "dockerfile": str(tmp_path / "recipes")},
        )
    )

    assert files == {"a.txt": b"a\n"}


def source_definition(name: str) -> bytes:
    """Return LLB for one directory of the client's: the operation that reads it, and the result."""
    platform = field(10, field(1, "amd64") + field(2, "linux"))
    source = field(3, field(1, f"local://{name}")) + platform
    result = field(1, field(1, f"sha256:{sha256(source).hexdigest()}"))
    return field(1, source) + field(1, result)


@pytest.mark.parametrize("no_cache", [False, True])
def test_llb_is_solved_as_it_stands(builder: Builder, tmp_path: Path, no_cache: bool) -> None:
    write_tree(tmp_path / "tree", {"a.txt": "a\n", "sub/b.txt": "b\n"})

    files = builder.files(
        BuildRequest(
            generic=True,
            frontend="",
            definition=source_definition("tree"),
            local_dirs={"tree": str(tmp_path / "tree")},
            no_cache=no_cache,
        )
    )

    assert files == {"a.txt": b"a\n", "sub/b.txt": b"b\n"}


def test_a_request_in_the_generic_form_needs_no_context(builder: Builder) -> None:
    with pytest.raises(BuildError):
        builder.build(BuildRequest(generic=True, context="/nowhere", frontend="dockerfile.v0"))
