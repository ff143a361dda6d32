"""Certificates that are made for a fleet."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from router.errors import UsageError
from router.provision.certificates import FleetNames, certificate_files

NAMES = FleetNames(fleet="ci", namespace="builds")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SCRIPT = Path(__file__).parents[3] / "examples" / "k8s_buildkitd" / "certificates.sh"

LEAVES = {
    f"{folder}/{name}" for folder in ("daemons", "client") for name in ("ca.pem", "cert.pem", "key.pem")
}


def certificate(files: dict[str, bytes], name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files[name])


def made(now: datetime = NOW) -> dict[str, bytes]:
    return dict(certificate_files({}, NAMES, now))


def test_a_ca_and_a_certificate_for_each_side_are_made() -> None:
    files = made()
    daemons, client = certificate(files, "daemons/cert.pem"), certificate(files, "client/cert.pem")
    ca = certificate(files, "ca.pem")

    assert files.keys() == {"ca.pem", "ca-key.pem", *LEAVES}
    for each, usage in (
        (daemons, ExtendedKeyUsageOID.SERVER_AUTH),
        (client, ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        each.verify_directly_issued_by(ca)
        assert list(each.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
        assert each.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    names = daemons.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "ci",
        "*.ci.builds.svc",
        "*.ci.builds.svc.cluster.local",
        "localhost",
    ]


def test_both_sides_know_each_other(tmp_path: Path) -> None:
    files = made(datetime.now(UTC))
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "daemons/ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_cert_chain(tmp_path / "daemons/cert.pem", tmp_path / "daemons/key.pem")
    client = ssl.create_default_context(cafile=tmp_path / "client/ca.pem")
    client.load_cert_chain(tmp_path / "client/cert.pem", tmp_path / "client/key.pem")

    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="ci")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue

    assert ours.getpeercert()
    assert theirs.getpeercert()


def test_what_holds_is_left_as_it_is() -> None:
    assert certificate_files(made(), NAMES, NOW + timedelta(days=59)) == {}


def test_certificates_are_renewed_in_time_and_the_ca_stays() -> None:
    made_once = made()
    renewed = certificate_files(made_once, NAMES, NOW + timedelta(days=61))

    assert renewed.keys() == LEAVES
    ca = certificate(made_once, "ca.pem")
    certificate(dict(renewed), "daemons/cert.pem").verify_directly_issued_by(ca)


def test_a_certificate_without_a_name_that_is_wanted_is_made_anew() -> None:
    other = FleetNames(fleet="ci", namespace="elsewhere")

    assert {name.split("/")[0] for name in certificate_files(made(), other, NOW)} == {"daemons"}


def test_a_certificate_of_another_ca_is_made_anew() -> None:
    mixed = {**made(), **{name: content for name, content in made().items() if name.startswith("client/")}}

    assert {name.split("/")[0] for name in certificate_files(mixed, NAMES, NOW)} == {"client"}


@pytest.mark.parametrize("lost", ["ca.pem", "ca-key.pem"])
def test_without_a_whole_ca_nothing_is_made(lost: str) -> None:
    files = {name: content for name, content in made().items() if name != lost}

    with pytest.raises(UsageError, match=f"has no {lost}"):
        certificate_files(files, NAMES, NOW)


def test_a_key_of_another_ca_is_refused() -> None:
    with pytest.raises(UsageError, match=r"ca-key\.pem is not the key of ca\.pem"):
        certificate_files({**made(), "ca-key.pem": made()["ca-key.pem"]}, NAMES, NOW)


def test_what_the_examples_script_has_made_is_used(tmp_path: Path) -> None:
    subprocess.run([SCRIPT, tmp_path, *NAMES.all], check=True, capture_output=True, timeout=60)
    there = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*.pem")
        if path.is_file()
    }

    assert certificate_files(there, NAMES) == {}
