"""A person's key, opened as they are used to: asked for its passphrase at a terminal, by a variable elsewhere."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TRIES = 3


def open_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in this file; raises SigningError with what to do.

    A passphrase is taken from STAGEPROOF_KEY_PASSPHRASE, or else asked for without an echo, three times at most. It is
    asked on the terminal itself, so that standard output stays the answer alone.
    """
    from evidence_store.signing import (
        PASSPHRASE_VARIABLE,
        PassphraseMissingError,
        SigningError,
        WrongPassphraseError,
        load_private_key,
    )

    path = path.expanduser()
    given = os.environ.get(PASSPHRASE_VARIABLE)
    try:
        return load_private_key(path, given)
    except WrongPassphraseError as error:
        raise SigningError(f"the passphrase in {PASSPHRASE_VARIABLE} does not open the key {path}") from error
    except PassphraseMissingError as error:
        if not sys.stdin.isatty():
            raise SigningError(
                f"the key {path} has a passphrase, and there is no terminal to ask for it: set {PASSPHRASE_VARIABLE},"
                " or run the command at a terminal"
            ) from error
    for left in reversed(range(TRIES)):
        try:
            return load_private_key(path, getpass.getpass(f"Passphrase of {path}: "))
        except (WrongPassphraseError, PassphraseMissingError):
            again = f" Try again ({left} left)." if left else ""
            sys.stderr.write(f"This does not open {path}.{again}\n")
        except EOFError as error:
            raise SigningError(f"no passphrase was given for the key {path}") from error
    raise SigningError(f"{TRIES} passphrases did not open the key {path}; nothing was signed")
