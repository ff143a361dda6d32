"""Addresses as text and as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.address import format_for_tools, parse_address, parse_daemons
from router.errors import UsageError
from router.model.address import (
    Address,
    CommandContainerAddress,
    DnsName,
    DockerAddress,
    DockerContainerAddress,
    KubePodAddress,
    SshAddress,
    TcpAddress,
    UnixAddress,
)
from router.notation.flag import Flag
from router.notation.quoting import quoted

_names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_texts = st.text(min_size=1)
_tokens = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", fullmatch=True)
_ports = st.integers(min_value=1, max_value=65535)
_hosts = _names | st.ip_addresses().map(str)
_addresses: st.SearchStrategy[Address] = st.one_of(
    st.builds(
        TcpAddress,
        host=_hosts,
        port=_ports,
        server_name=st.none() | _names,
    ),
    st.builds(UnixAddress, path=_texts.filter(lambda path: "\0" not in path)),
    st.builds(
        KubePodAddress,
        pod=_names,
        namespace=st.none() | _names,
        context=st.none() | _texts,
        container=st.none() | _names,
        via=st.none() | st.sampled_from(["auto", "pod-ip", "port-forward", "exec"]),
        ip=st.none() | st.ip_addresses().map(str),
        port=st.none() | _ports,
    ),
    st.builds(
        DockerAddress,
        context=st.none() | _tokens,
        endpoint=st.none() | _texts,
    ),
    st.builds(
        DockerContainerAddress, container=_tokens, context=st.none() | _tokens, endpoint=st.none() | _texts
    ),
    st.builds(CommandContainerAddress, tool=st.just("podman"), container=_tokens),
    st.builds(
        CommandContainerAddress, tool=st.just("nerdctl"), container=_tokens, namespace=st.none() | _tokens
    ),
    st.builds(
        SshAddress,
        host=_hosts,
        user=st.none() | _names,
        port=st.none() | _ports,
        socket=st.none() | st.from_regex(r"/[a-z0-9/._ -]+", fullmatch=True),
    ),
)


@given(_addresses)
def test_what_is_written_is_read_back(address: Address) -> None:
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://10.0.0.1:1234", TcpAddress(host="10.0.0.1", port=1234)),
        ("tcp://buildkitd", TcpAddress(host="buildkitd", port=1234)),
        ("tcp://[fd00::1]:99", TcpAddress(host="fd00::1", port=99)),
        ("tcp://[fe80::1%eth0]:99", TcpAddress(host="fe80::1%eth0", port=99)),
        ("tcp://buildkitd:5/", TcpAddress(host="buildkitd", port=5)),
        ("tcp://BuildKitd:5", TcpAddress(host="buildkitd", port=5)),
        ("tcp://[FE80::1%Eth0]:99", TcpAddress(host="fe80::1%Eth0", port=99)),
        ("unix:///run/buildkit/buildkitd.sock", UnixAddress(path="/run/buildkit/buildkitd.sock")),
        ("unix://run/b.sock", UnixAddress(path="run/b.sock")),
        ("kube-pod://buildkitd-0", KubePodAddress(pod="buildkitd-0")),
        (
            "kube-pod://b-0?namespace=ci&context=arn%3Aaws%2Fx&container=",
            KubePodAddress(pod="b-0", namespace="ci", context="arn:aws/x"),
        ),
        (
            "kube-pod://b-0?via=pod-ip&ip=10.0.0.7&port=99",
            KubePodAddress(pod="b-0", via="pod-ip", ip="10.0.0.7", port=99),
        ),
        ("tcp://10.0.0.1?server-name=b-0", TcpAddress(host="10.0.0.1", server_name="b-0")),
        ("docker-container://b?context=lab", DockerContainerAddress(container="b", context="lab")),
        ("podman-container://b", CommandContainerAddress(tool="podman", container="b")),
        (
            "nerdctl-container://b?namespace=k8s.io",
            CommandContainerAddress(tool="nerdctl", container="b", namespace="k8s.io"),
        ),
        ("ssh://lab", SshAddress(host="lab")),
        ("ssh://lab/", SshAddress(host="lab")),
        (
            "ssh://me@lab:2222/run/b.sock",
            SshAddress(host="lab", user="me", port=2222, socket="/run/b.sock"),
        ),
        ("ssh://me@[fd00::1]:22", SshAddress(host="fd00::1", user="me", port=22)),
        ("docker://", DockerAddress()),
        ("docker://desktop-linux", DockerAddress(context="desktop-linux")),
        (
            "docker://?host=unix:///var/run/docker.sock",
            DockerAddress(endpoint="unix:///var/run/docker.sock"),
        ),
    ],
)
def test_every_form_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "tcp://",
        "tcp://:1234",
        "tcp://host:0",
        "tcp://host:65536",
        "tcp://host:http",
        "tcp://host:1/path",
        "tcp://us er:1",
        "unix://",
        "unix:///a\0b",
        "kube-pod://",
        "kube-pod://Pod_1",
        "kube-pod://-pod",
        "kube-pod://pod?namespace=a/b",
        "kube-pod://pod?namespce=a",
        "kube-pod://pod?via=ferry",
        "kube-pod://pod?ip=localhost",
        "kube-pod://pod?port=0",
        "docker://a b",
        "docker-container://",
        "docker-container://-rf",
        "docker-container://b?context=a b",
        "podman-container://--help",
        "podman-container://b?context=x",
        "nerdctl-container://b?namespace=-n",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://host:0",
        "ssh://host?x=y",
        "tcp://host?tls=1",
        "dns://name",
    ],
)
def test_a_malformed_address_is_a_usage_error_that_shows_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert quoted(text) in str(caught.value)
    assert caught.value.hint


def test_an_unknown_scheme_names_those_that_are_supported() -> None:
    with pytest.raises(UsageError, match='unknown scheme "http"') as caught:
        parse_address("http://host")
    for scheme in ("tcp", "unix", "kube-pod", "docker-container", "ssh", "dns"):
        assert f"{scheme}://" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10.0.0.1:99", " (did you mean tcp://10.0.0.1:99?)"),
        ("[fd00::1]", " (did you mean tcp://[fd00::1]:1234?)"),
        ("foo", " (did you mean tcp://foo:1234?)"),
        ("/run/b.sock", " (did you mean unix:///run/b.sock?)"),
        ("a=b/c", ""),
    ],
)
def test_a_missing_scheme_is_suggested(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert str(caught.value) == f'invalid address "{text}": no scheme such as tcp://{hint}'
    assert "supported: tcp://, unix://" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("foo", 'invalid BUILDKIT_HOST "foo": no scheme such as tcp:// (did you mean tcp://foo:1234?)'),
        ("tcp://q:99999", 'invalid BUILDKIT_HOST "tcp://q:99999": no valid port'),
        ("dns://a..b", 'invalid BUILDKIT_HOST "dns://a..b": no name to resolve'),
        ("tcp://me:sesame@h", 'invalid BUILDKIT_HOST "tcp://h": not a host and a port'),
    ],
)
def test_an_error_names_what_the_address_came_from(text: str, error: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_daemons(text, Flag(name="BUILDKIT_HOST", example="tcp://h:1234"))
    assert str(caught.value) == error


def test_an_ipv6_address_without_brackets_is_told_about_them() -> None:
    with pytest.raises(UsageError) as caught:
        parse_address("tcp://fd00::1:1234")
    assert "brackets" in (caught.value.hint or "")


@pytest.mark.parametrize("login", ["me:sesame", "-osesame"])
def test_a_login_that_ssh_can_not_take_is_refused_and_not_shown(login: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(f"ssh://{login}@lab")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("tcp://10.0.0.1?server-name=b", "tcp://10.0.0.1:1234"),
        ("unix:///run/b.sock", "unix:///run/b.sock"),
        ("kube-pod://b-0?namespace=ci&container=b&port=99", "kube-pod://b-0?namespace=ci&container=b"),
        ("kube-pod://b-0?ip=fd00::1&port=99", "tcp://[fd00::1]:99"),
        ("kube-pod://b-0?via=exec&ip=10.0.0.1", "kube-pod://b-0"),
        ("kube-pod://b-0?via=port-forward", None),
        ("kube-pod://b-0?via=pod-ip", None),
        ("docker://", None),
        ("docker-container://b?context=lab", "docker-container://b?context=lab"),
        ("docker-container://b?host=unix:///x", None),
        ("ssh://lab/run/b.sock", "ssh://lab/run/b.sock"),
    ],
)
def test_the_tools_get_an_address_that_they_know_or_none(text: str, written: str | None) -> None:
    assert format_for_tools(parse_address(text)) == written


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dns://buildkitd.ci.svc", DnsName(name="buildkitd.ci.svc", port=1234)),
        ("dns://buildkitd.ci.svc.:99/", DnsName(name="buildkitd.ci.svc", port=99)),
        ("dns://b?server=10.0.0.1:53", DnsName(name="b", server="10.0.0.1:53")),
    ],
)
def test_a_name_of_a_fleet_is_read_and_written(text: str, name: DnsName) -> None:
    assert parse_daemons(text) == name
    assert parse_daemons(str(name)) == name


@pytest.mark.parametrize("text", ["dns://", "dns://a..b", "dns://a:0", "dns://a?port=1", "dns://a/b"])
def test_a_malformed_name_of_a_fleet_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_daemons(text)
