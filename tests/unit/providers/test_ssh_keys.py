"""Private keys as ssh-keygen and openssl write them, and what they sign."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import UsageError
from router.providers.ssh_keys import RSA_SHA2_256, RSA_SHA2_512, SSHKey, load_key
from tests.unit.providers import ssh

FORMS = [
    pytest.param(ssh.RSA, ssh.PEM, id="RSA PKCS#1"),
    pytest.param(ssh.RSA, ssh.PKCS8, id="RSA PKCS#8"),
    pytest.param(ssh.RSA, ssh.OPENSSH, id="RSA OpenSSH"),
    pytest.param(ssh.P256, ssh.PEM, id="ECDSA SEC 1"),
    pytest.param(ssh.P384, ssh.PKCS8, id="ECDSA PKCS#8"),
    pytest.param(ssh.P521, ssh.OPENSSH, id="ECDSA OpenSSH"),
    pytest.param(ssh.ED25519, ssh.PKCS8, id="Ed25519 PKCS#8"),
    pytest.param(ssh.ED25519, ssh.OPENSSH, id="Ed25519 OpenSSH"),
]


def load(folder: Path, content: bytes) -> SSHKey:
    return load_key(ssh.write(folder, "key", content), "--ssh a")


def refused(folder: Path, content: bytes) -> tuple[str, str]:
    """The message, without the file's path, and the hint."""
    with pytest.raises(UsageError) as caught:
        load(folder, content)
    return str(caught.value).replace(f"{folder}/", ""), (caught.value.hint or "").replace(f"{folder}/", "")


@pytest.mark.parametrize(("private", "form"), FORMS)
def test_a_key_of_every_form_signs(tmp_path: Path, private: ssh.PrivateKey, form: PrivateFormat) -> None:
    key = load(tmp_path, ssh.text(private, form))

    ssh.verify(key.blob, key.sign(b"data", RSA_SHA2_512), b"data")

    line = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert ssh.strings(key.blob)[0] == line.split()[0]


@pytest.mark.parametrize(
    ("flags", "algorithm"),
    [(0, b"ssh-rsa"), (RSA_SHA2_256, b"rsa-sha2-256"), (RSA_SHA2_512, b"rsa-sha2-512")],
)
def test_the_flags_choose_the_hash_of_an_rsa_key(tmp_path: Path, flags: int, algorithm: bytes) -> None:
    key = load(tmp_path, ssh.text(ssh.RSA, ssh.PEM))

    assert ssh.verify(key.blob, key.sign(b"data", flags), b"data") == algorithm


@pytest.mark.parametrize("private", [ssh.P256, ssh.P384, ssh.P521])
def test_numbers_in_a_signature_are_never_negative(
    tmp_path: Path, private: ec.EllipticCurvePrivateKey
) -> None:
    key = load(tmp_path, ssh.text(private, ssh.OPENSSH))

    for number in range(20):  # one in two has its highest bit set
        ssh.verify(key.blob, key.sign(bytes([number]), 0), bytes([number]))


def test_the_parameters_that_openssl_writes_before_a_key_are_skipped(tmp_path: Path) -> None:
    block = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

    assert load(tmp_path, block + ssh.text(ssh.P256, ssh.PEM)).blob


def locked_openssh_key() -> bytes:
    """What ssh-keygen writes for a key with a passphrase, with nothing in the place of the ciphertext."""
    public = ssh.ED25519.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    options = ssh.string(bytes(16)) + bytes((0, 0, 0, 24))
    parts = [b"aes256-ctr", b"bcrypt", options]
    content = b"openssh-key-v1\0" + b"".join(map(ssh.string, parts)) + bytes((0, 0, 0, 1))
    content += ssh.string(base64.b64decode(public.split()[1])) + ssh.string(bytes(160))
    body = base64.encodebytes(content)
    return b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body + b"-----END OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(ssh.text(ssh.RSA, ssh.PEM, b"words"), id="PEM"),
        pytest.param(ssh.text(ssh.RSA, ssh.PKCS8, b"words"), id="PKCS#8"),
        pytest.param(locked_openssh_key(), id="OpenSSH"),
    ],
)
def test_a_key_with_a_passphrase_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    message, hint = refused(tmp_path, content)

    assert message == "--ssh a: the key key has a passphrase"
    assert hint == "put it into an agent (ssh-add key) and forward that: --ssh ID"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"ssh-ed25519 AAAA me@here\n", "key is a public key"),
        (b"-----BEGIN PUBLIC KEY-----\n", "key is a public key"),
        (b"PuTTY-User-Key-File-3: ssh-rsa\n", "the key key is in PuTTY's form"),
        (b"", "key is neither a private key nor a socket"),
        (b"words", "key is neither a private key nor a socket"),
        (bytes(200_000), "key is larger than 100 KiB, too large for a key"),
    ],
)
def test_a_file_that_is_no_private_key_is_told_apart(tmp_path: Path, content: bytes, why: str) -> None:
    assert refused(tmp_path, content)[0] == f"--ssh a: {why}"


def test_kinds_that_agents_no_longer_take_are_refused(tmp_path: Path) -> None:
    old = ssh.text(dsa.generate_private_key(1024), ssh.PKCS8)
    other = x25519.X25519PrivateKey.generate().private_bytes(Encoding.PEM, ssh.PKCS8, NoEncryption())

    for content in (old, other):
        assert refused(tmp_path, content)[0] == "--ssh a: the key key is of a kind that is not supported"


def test_a_curve_without_a_name_in_ssh_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256K1())

    message, hint = refused(tmp_path, ssh.text(key, ssh.PEM))

    assert (message, hint) == (
        "--ssh a: the key key is not an SSH key",
        "supported curves: NIST P-256, P-384 and P-521",
    )


@pytest.mark.parametrize("form", [ssh.PEM, ssh.PKCS8, ssh.OPENSSH])
def test_a_key_that_is_cut_short_is_refused(tmp_path: Path, form: PrivateFormat) -> None:
    whole = ssh.text(ssh.RSA, form)

    message, _ = refused(tmp_path, whole[: len(whole) // 2])

    assert message.startswith("--ssh a: the key key can't be read: ")
    assert len(message) < 300


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--ssh a: can't read the key .*/none: no such file or directory"):
        load_key(str(tmp_path / "none"), "--ssh a")


def test_a_tilde_that_the_shell_left_is_explained() -> None:
    with pytest.raises(UsageError) as caught:
        load_key("~/.ssh/none", "--ssh a")

    assert caught.value.hint == "the shell leaves a ~ behind = and , as it is: write $HOME instead"


def test_a_private_key_is_not_shown(tmp_path: Path) -> None:
    assert repr(load(tmp_path, ssh.text(ssh.ED25519, ssh.OPENSSH))) == "<SSHKey key>"


_KEYS = [ssh.text(ssh.RSA, ssh.PEM), ssh.text(ssh.ED25519, ssh.OPENSSH), ssh.text(ssh.P256, ssh.PKCS8)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A key's text with a few bytes exchanged."""
    content = bytearray(draw(st.sampled_from(_KEYS)))
    for _ in range(draw(st.integers(1, 4))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


@settings(deadline=None, max_examples=100)
@given(damaged())
def test_a_damaged_key_is_a_key_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    with suppress(UsageError):
        load_key(str(path), "--ssh a")
