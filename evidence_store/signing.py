"""Signatures of people and pipelines: DSSE envelopes with Ed25519, made with the SSH key a person has already.

Rules:

- what is signed is the payload *and* its type (DSSE's pre-authentication encoding), so a signature over one kind of
  record never stands for another;
- a key in the envelope is a hint and proves nothing: only keys from outside (`signers.toml`, reviewed like code) count;
- a signature that does not verify, or of nobody who is known, is an error and never a smaller kind of signature.

`signers.toml` in the baselines folder:

```toml
[signers]
ada = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA… ada@example.org"
```
"""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)
from pydantic import BaseModel, ConfigDict, Field

SIGNERS = "signers.toml"
PASSPHRASE_VARIABLE = "STAGEPROOF_KEY_PASSPHRASE"  # noqa: S105  - a name, and no secret
"""Holds the passphrase of a person's key where nobody can be asked; it is no part of any evidence."""


class SigningError(Exception):
    """A key that cannot be used, or a signature that proves nothing."""


class PassphraseMissingError(SigningError):
    """A key that opens with a passphrase, and none was given."""


class WrongPassphraseError(SigningError):
    """A key that the given passphrase does not open."""


class Signature(BaseModel):
    """One signature of an envelope."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyid: str = Field(min_length=1, max_length=200)
    """Whose key it says it is: a name in `signers.toml`."""
    sig: str = Field(max_length=200)


class Envelope(BaseModel):
    """A DSSE v1 envelope: any tool that knows DSSE can verify it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    payload_type: str = Field(alias="payloadType", max_length=200)
    payload: str
    """Base64."""
    signatures: tuple[Signature, ...] = Field(min_length=1, max_length=16)

    def content(self) -> bytes:
        """The payload's bytes; raises SigningError."""
        return _decoded(self.payload)


def load_private_key(path: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """An OpenSSH Ed25519 key, as `ssh-keygen -t ed25519` makes it; a passphrase that it does not need is left alone.

    Raises PassphraseMissingError, WrongPassphraseError, and SigningError with what to do.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SigningError(f"the key {path} cannot be read: {error.strerror or error}") from error
    try:
        key = _opened(content, passphrase)
    except PassphraseMissingError as error:
        raise PassphraseMissingError(f"the key {path} has a passphrase") from error
    except WrongPassphraseError as error:
        raise WrongPassphraseError(f"this passphrase does not open the key {path}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(f"{path} is not an OpenSSH private key that can be used here: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path} is not an Ed25519 key; make one with `ssh-keygen -t ed25519`")
    return key


def _opened(content: bytes, passphrase: str | None) -> object:
    try:
        return load_ssh_private_key(content, None)
    except TypeError as error:
        # The one thing it says so: well-formed, and encrypted.
        if not passphrase:
            raise PassphraseMissingError from error
    try:
        # What a terminal handed over that is not UTF-8 goes back to the bytes that were typed.
        return load_ssh_private_key(content, passphrase.encode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise WrongPassphraseError from error


def read_signers(folder: Path) -> dict[str, Ed25519PublicKey]:
    """The people and pipelines whose signatures count, by name; none when there is no file. Raises SigningError."""
    path = folder / SIGNERS
    try:
        return parse_signers(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SigningError(f"{path} cannot be read: {error}") from error


def parse_signers(text: str, source: str) -> dict[str, Ed25519PublicKey]:
    """The same from the file's text, as it is copied into a run; raises SigningError."""
    try:
        listed = tomllib.loads(text).get("signers", {})
    except (ValueError, RecursionError) as error:
        raise SigningError(f"{source} cannot be read: {error}") from error
    if not isinstance(listed, dict):
        raise SigningError(f"{source}: [signers] is a table of names and public keys")
    return {str(name): _public_key(str(name), text) for name, text in listed.items()}


def _public_key(name: str, text: object) -> Ed25519PublicKey:
    try:
        key = load_ssh_public_key(str(text).encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(f"the key of '{name}' is not an OpenSSH public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningError(f"the key of '{name}' is not an Ed25519 key")
    return key


def public_line(key: Ed25519PublicKey) -> str:
    """A public key as OpenSSH writes it, and as `signers.toml` takes it."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def sign(payload: bytes, payload_type: str, key: Ed25519PrivateKey, signer: str) -> Envelope:
    """An envelope around the payload, signed by this signer."""
    signature = key.sign(_pre_authentication_encoding(payload_type, payload))
    return Envelope(
        payload_type=payload_type,
        payload=base64.b64encode(payload).decode(),
        signatures=(Signature(keyid=signer, sig=base64.b64encode(signature).decode()),),
    )


def signers_of(envelope: Envelope, payload_type: str, known: Mapping[str, Ed25519PublicKey]) -> tuple[str, ...]:
    """Who signed this envelope, every signature verified; raises SigningError when one does not, or nobody knows it."""
    if envelope.payload_type != payload_type:
        raise SigningError(f"it is signed as '{envelope.payload_type}' and not as '{payload_type}'")
    message = _pre_authentication_encoding(payload_type, envelope.content())
    names = []
    for signature in envelope.signatures:
        key = known.get(signature.keyid)
        if key is None:
            raise SigningError(f"it is signed by '{signature.keyid}', who is not in {SIGNERS}")
        try:
            key.verify(_decoded(signature.sig), message)
        except InvalidSignature as error:
            raise SigningError(f"the signature of '{signature.keyid}' does not verify") from error
        names.append(signature.keyid)
    return tuple(names)


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SigningError("it is not base64, as an envelope must be") from error
