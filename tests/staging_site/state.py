"""What the staging site remembers between requests, in memory only."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from typing import Any

from .content import REQUESTS, SEED_AUDIT, USERS, User


@dataclass(frozen=True)
class AuditEntry:
    """One decision: who did what to which request, and when."""

    at: str
    actor: str
    action: str
    request: str
    # Entries written while the site runs carry the real time, which a visual check has to mask.
    live: bool = False


def _seed_decisions() -> dict[str, str]:
    return {request.id: request.state for request in REQUESTS}


def _seed_audit() -> list[AuditEntry]:
    return [AuditEntry(*entry) for entry in SEED_AUDIT]


@dataclass
class SiteState:
    """Sessions, decisions, the audit log and what browsers reported."""

    release: str
    started_at: dt.datetime
    sessions: dict[str, User] = field(default_factory=dict)
    decisions: dict[str, str] = field(default_factory=_seed_decisions)
    audit: list[AuditEntry] = field(default_factory=_seed_audit)
    beacons: list[dict[str, Any]] = field(default_factory=list)
    csp_reports: int = 0
    version_answers: int = 0

    def sign_in(self, email: str, password: str) -> tuple[str, User] | None:
        """Open a session for the right password, or say no."""
        for user in USERS:
            expected = os.environ.get(user.password_variable) or user.default_password
            if email.strip().lower() == user.email and secrets.compare_digest(password.encode(), expected.encode()):
                token = secrets.token_urlsafe(32)
                self.sessions[token] = user
                return token, user
        return None

    def decide(self, request_id: str, action: str, user: User) -> None:
        """Record a decision and its audit entry, newest first."""
        self.decisions[request_id] = {"approve": "approved", "reject": "rejected"}[action]
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.audit.insert(0, AuditEntry(now, user.email, action, request_id, live=True))

    def reset(self) -> None:
        """Return to the seeded decisions; sessions stay open, so that parallel journeys keep theirs."""
        self.decisions = _seed_decisions()
        self.audit = _seed_audit()
        self.beacons.clear()
        self.csp_reports = 0


def other_release(release: str) -> str:
    """A release id that is certainly not this one, always the same for the same release."""
    digest = hashlib.sha256(release.encode()).hexdigest()[:7]
    return digest if digest != release else digest[::-1]
