"""Signatures: whose they are, and everything that must not pass for one. Pure but for keys in a temporary folder."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from evidence_store.signing import (
    Envelope,
    PassphraseMissingError,
    SigningError,
    WrongPassphraseError,
    load_private_key,
    read_signers,
    sign,
    signers_of,
)

KIND = "application/vnd.stageproof.answer+json"
OTHER_KIND_OF_KEY = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
ADA, EVE = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KNOWN = {"ada": ADA.public_key()}


def changed(envelope: Envelope, **changes: object) -> Envelope:
    return Envelope.model_validate(envelope.model_dump() | changes)


def test_a_signature_names_its_signer() -> None:
    envelope = sign(b'{"answer": 1}', KIND, ADA, "ada")
    assert signers_of(Envelope.model_validate_json(envelope.model_dump_json(by_alias=True)), KIND, KNOWN) == ("ada",)
    assert envelope.content() == b'{"answer": 1}'


@pytest.mark.parametrize(
    ("envelope", "says"),
    [
        (sign(b"x", KIND, EVE, "ada"), "the signature of 'ada' does not verify"),
        (sign(b"x", KIND, EVE, "eve"), "'eve', who is not in signers.toml"),
        (sign(b"x", "text/plain", ADA, "ada"), "signed as 'text/plain'"),
        (changed(sign(b"x", KIND, ADA, "ada"), payload=base64.b64encode(b"y").decode()), "does not verify"),
        (changed(sign(b"x", KIND, ADA, "ada"), payload="***"), "not base64"),
        (changed(sign(b"x", KIND, ADA, "ada"), signatures=[{"keyid": "ada", "sig": ""}]), "does not verify"),
        (changed(sign(b"x", KIND, ADA, "ada"), signatures=[{"keyid": "ada", "sig": "é"}]), "not base64"),
    ],
)
def test_what_proves_nothing_is_refused(envelope: Envelope, says: str) -> None:
    with pytest.raises(SigningError, match=says.replace("*", r"\*")):
        signers_of(envelope, KIND, KNOWN)


def test_one_good_signature_does_not_carry_a_bad_one() -> None:
    good, bad = sign(b"x", KIND, ADA, "ada"), sign(b"x", KIND, EVE, "eve")
    both = changed(good, signatures=[item.model_dump() for item in (*good.signatures, *bad.signatures)])
    with pytest.raises(SigningError, match="eve"):
        signers_of(both, KIND, KNOWN)


def test_keys_are_read_as_ssh_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    path.write_bytes(ADA.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = ADA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (tmp_path / "signers.toml").write_text(f'[signers]\nada = "{public} ada@example.org"\n')
    envelope = sign(b"x", KIND, load_private_key(path), "ada")
    assert signers_of(envelope, KIND, read_signers(tmp_path)) == ("ada",)


PASSPHRASE = "Grüße an 1 Pferd"


def key_file(folder: Path, encryption: KeySerializationEncryption) -> Path:
    path = folder / "id_ed25519"
    path.write_bytes(ADA.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption))
    return path


@pytest.mark.parametrize(
    ("encryption", "given"),
    [
        (BestAvailableEncryption(PASSPHRASE.encode()), PASSPHRASE),
        (BestAvailableEncryption(b"\xff latin"), "\udcff latin"),
        (NoEncryption(), PASSPHRASE),
        (NoEncryption(), ""),
    ],
    ids=["its own", "not UTF-8", "one it does not need", "empty"],
)
def test_a_passphrase_opens_its_key(encryption: KeySerializationEncryption, given: str, tmp_path: Path) -> None:
    key = load_private_key(key_file(tmp_path, encryption), given)
    assert key.public_key() == ADA.public_key()


@pytest.mark.parametrize("given", [None, "", PASSPHRASE.upper(), f"{PASSPHRASE}\n", "x" * 1000])
def test_without_its_passphrase_a_key_stays_shut(given: str | None, tmp_path: Path) -> None:
    path = key_file(tmp_path, BestAvailableEncryption(PASSPHRASE.encode()))
    with pytest.raises(WrongPassphraseError if given else PassphraseMissingError) as refused:
        load_private_key(path, given)
    told = f"{refused.value!r} {refused.value.__cause__!r}"
    assert [part for part in (given, PASSPHRASE) if part and part in told] == []


def test_a_damaged_key_is_told_from_a_wrong_passphrase(tmp_path: Path) -> None:
    path = key_file(tmp_path, BestAvailableEncryption(PASSPHRASE.encode()))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    with pytest.raises(SigningError, match="is not an OpenSSH private key") as refused:
        load_private_key(path, PASSPHRASE)
    assert not isinstance(refused.value, WrongPassphraseError)


def test_without_a_file_nobody_is_known(tmp_path: Path) -> None:
    assert read_signers(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[signers]\nada = 'ssh-ed25519 AAAA'\n", "the key of 'ada'"),
        ("[signers]\nada = 1\n", "the key of 'ada'"),
        ("signers = 'ada'\n", "is a table"),
        ("[signers\n", "cannot be read"),
        (f"[signers]\nada = '{OTHER_KIND_OF_KEY.decode()}'\n", "not an Ed25519 key"),
    ],
)
def test_a_list_of_signers_that_is_not_one_is_refused(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "signers.toml").write_text(content)
    with pytest.raises(SigningError, match=says):
        read_signers(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_is_no_key_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SigningError, match=r"cannot be read|not an OpenSSH private key"):
        load_private_key(path)
