"""Evidence of one HTTP exchange with one address."""

from __future__ import annotations

from typing import ClassVar

from evidence_store.model import Artifact, Evidence


class HttpProbe(Evidence):
    """One request and what came back. Seconds from the first byte sent to the last one read."""

    kind: ClassVar[str] = "http-probe"

    method: str
    url: str
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Artifact | None = None
    seconds: float
    redirects: tuple[str, ...] = ()
    problem_code: str | None = None

    def header(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class ReleaseProbe(HttpProbe):
    """What staging said its release is, before or after the run."""

    kind: ClassVar[str] = "release-probe"

    release: str | None = None
    """The release that was read, when one was."""


class ServiceProbe(HttpProbe):
    """A service's health answer."""

    kind: ClassVar[str] = "service-probe"
