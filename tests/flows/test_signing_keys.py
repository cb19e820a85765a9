"""A key with a passphrase, as a person signs with it: at a real terminal, and where there is none."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from deployments.local_stack import REPOSITORY
from evidence_store.signing import Envelope, public_line, read_signers, signers_of
from tasks.records.manual import PAYLOAD_TYPE
from tests.flows.looking import write_plan

pytestmark = pytest.mark.real

PASSPHRASE, WRONG = "opens-4-doors", "opens-no-door"
SWEEP = """schema: 1
title: Approving a report
subjects: [approvals@desktop]
assistive_technology: NVDA with Firefox
steps:
  - {id: button, do: Move to the button, expect: "Approve, button", criterion: 4.1.2}
"""


@dataclass(frozen=True)
class Signed:
    """How the command ended, what it answered, and everything that was to be seen on the terminal."""

    code: int
    out: str
    seen: str


@dataclass(frozen=True)
class Desk:
    """A plan, a sweep that is walked, and the key of Ada with its passphrase."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def record(self) -> Path:
        return self.folder / "baselines/demo/manual-a11y/approvals.record.json"

    def command(self) -> list[str]:
        name = [sys.executable, "-m", "flows.command_line", "manual", "record", str(self.folder / "demo.toml")]
        who = ["--by", "Ada", "--with", "NVDA 2026.1", "--answers", str(self.folder / "answers.yaml")]
        return [*name, "approvals", *who, "--key", str(self.key), "--json"]

    def environment(self, **changed: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STAGEPROOF_")}
        return {**kept, "STAGEPROOF_BASELINES": str(self.folder / "baselines"), **changed}

    def sign_without_a_terminal(self, **changed: str) -> Signed:
        ended = subprocess.run(
            self.command(),
            env=self.environment(**changed),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Signed(ended.returncode, ended.stdout, ended.stderr)

    def sign_at_a_terminal(self, *typed: str, **changed: str) -> Signed:
        """Type a line each time the passphrase is asked for."""
        keyboard, screen = pty.openpty()
        process = subprocess.Popen(
            self.command(),
            env=self.environment(**changed),
            cwd=REPOSITORY,
            stdin=screen,
            stderr=screen,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(screen)
        # Whoever types nothing more must not wait for ever.
        patience = threading.Timer(60, process.kill)
        patience.start()
        seen, lines = "", list(typed)
        try:
            while part := _read(keyboard):
                seen += part
                if lines and seen.count("Passphrase of ") > len(typed) - len(lines):
                    os.write(keyboard, lines.pop(0).encode())
            out = process.communicate()[0]
        finally:
            patience.cancel()
            os.close(keyboard)
        assert lines == [], f"never asked for {len(lines)} of them: {seen}"
        return Signed(process.returncode, out, seen)


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 4096).decode()
    except OSError:
        return ""  # how Linux says that the last program on it has ended


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    write_plan(tmp_path, "http://127.0.0.1:9", {"manual-a11y": {"sweeps": ["approvals"]}}, name="demo")
    ada = Ed25519PrivateKey.generate()
    desk = Desk(tmp_path)
    protected = BestAvailableEncryption(PASSPHRASE.encode())
    desk.key.write_bytes(ada.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, protected))
    desk.record.parent.mkdir(parents=True)
    desk.record.with_name("approvals.yaml").write_text(SWEEP)
    (tmp_path / "answers.yaml").write_text("results: {button: pass}\n")
    (tmp_path / "baselines" / "signers.toml").write_text(f'[signers]\nada = "{public_line(ada.public_key())}"\n')
    return desk


def assert_signed(desk: Desk, signed: Signed) -> None:
    """The record verifies, the answer is one line of JSON, and the passphrase is nowhere to be read."""
    assert signed.code == 0, signed
    assert json.loads(signed.out)["signed_by"] == "ada"
    envelope = Envelope.model_validate_json(desk.record.read_bytes())
    assert signers_of(envelope, PAYLOAD_TYPE, read_signers(desk.folder / "baselines")) == ("ada",)
    assert_secret(desk, signed)


def assert_refused(desk: Desk, signed: Signed, *says: str) -> None:
    """Ended like any other mistake of a person, with its reason, and nothing written."""
    assert signed.code == 2, signed
    problem = json.loads(signed.out)["problem"]
    assert [part for part in (str(desk.key), *says) if part not in problem] == []
    assert not desk.record.exists()
    assert_secret(desk, signed)


def assert_secret(desk: Desk, signed: Signed) -> None:
    """Neither what was typed nor what was set is told, or left in a file."""
    written = b"".join(path.read_bytes() for path in desk.folder.rglob("*") if path.is_file())
    told = f"{signed.out}{signed.seen}".encode() + written
    assert [secret for secret in (PASSPHRASE, WRONG) if secret.encode() in told] == []


def test_at_a_terminal_the_passphrase_is_asked_for(desk: Desk) -> None:
    signed = desk.sign_at_a_terminal(f"{PASSPHRASE}\n")
    assert_signed(desk, signed)
    assert f"Passphrase of {desk.key}: " in signed.seen


def test_a_slip_may_be_mended(desk: Desk) -> None:
    signed = desk.sign_at_a_terminal(f"{WRONG}\n", "\n", f"{PASSPHRASE}\n")
    assert_signed(desk, signed)
    assert "Try again (2 left)" in signed.seen
    assert "Try again (1 left)" in signed.seen


def test_three_wrong_ones_are_enough(desk: Desk) -> None:
    refused = desk.sign_at_a_terminal(*[f"{WRONG}\n"] * 3)
    assert_refused(desk, refused, "3 passphrases did not open the key", "nothing was signed")


def test_whoever_gives_none_is_not_asked_again(desk: Desk) -> None:
    end_of_input = "\x04"
    assert_refused(desk, desk.sign_at_a_terminal(end_of_input), "no passphrase was given")


def test_the_variable_spares_the_question(desk: Desk) -> None:
    signed = desk.sign_at_a_terminal(STAGEPROOF_KEY_PASSPHRASE=PASSPHRASE)
    assert_signed(desk, signed)
    assert "Passphrase" not in signed.seen


def test_without_a_terminal_the_variable_opens_the_key(desk: Desk) -> None:
    assert_signed(desk, desk.sign_without_a_terminal(STAGEPROOF_KEY_PASSPHRASE=PASSPHRASE))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, ("there is no terminal to ask for it", "set STAGEPROOF_KEY_PASSPHRASE", "at a terminal")),
        ({"STAGEPROOF_KEY_PASSPHRASE": ""}, ("set STAGEPROOF_KEY_PASSPHRASE",)),
        ({"STAGEPROOF_KEY_PASSPHRASE": WRONG}, ("the passphrase in STAGEPROOF_KEY_PASSPHRASE does not open",)),
    ],
    ids=["none", "empty", "wrong"],
)
def test_without_a_terminal_nothing_else_does(changed: dict[str, str], says: tuple[str, ...], desk: Desk) -> None:
    assert_refused(desk, desk.sign_without_a_terminal(**changed), *says)
