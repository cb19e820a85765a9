"""Every way in which the staging site can be wrong, each under one name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Fault:
    """One switchable fault: what it does, and the check that must name it."""

    name: str
    effect: str
    check: str
    # Where it acts: `server` changes an answer, `style` and `script` change the page in the browser only.
    acts_in: str = "server"


_ALL: Final = (
    # Services and their health.
    Fault("health-redirects-to-login", "/services/billing/health answers 302 to the sign-in page", "health"),
    Fault("health-says-degraded", '/services/reporting/health answers 200 with "status": "degraded"', "health"),
    Fault("health-html", "/services/catalogue/health answers 200 with an HTML page", "health"),
    Fault("endless-body", "/services/analytics/health streams up to 200 MB", "health"),
    Fault("slow-loris", "/services/notifications/health sends one byte a second for ten minutes", "health"),
    Fault("service-other-release", "/services/gateway/health and the registry name another release", "registry"),
    # The release that is deployed.
    Fault("version-missing", "/version.json answers 404", "release"),
    Fault("version-html", "/version.json answers 200 with the sign-in page", "release"),
    Fault("release-changes", "/version.json names another commit from its second answer on", "release"),
    # What a person sees.
    Fault("kpi-colour", "the accent of one KPI card is #1d4ed8 in place of #2563eb", "visual"),
    Fault("one-letter", 'one KPI label has one letter changed ("Volunteer hours" to "Volunteer hourz")', "visual"),
    Fault("layout-shift-banner", "a banner at the top pushes every signed-in page down", "visual"),
    Fault("phone-overflow", "one KPI card is 540 px wide at phone width and is clipped", "visual", "style"),
    # Pages that answer but are not the page.
    Fault("login-instead-of-page", "the dashboard answers 200 with the sign-in page", "page-health"),
    Fault("soft-404", 'the catalogue answers 200 with "Page not found"', "page-health"),
    Fault("redirect-loop", "the dashboard redirects to itself", "page-health"),
    Fault("api-fails-behind-pretty-page", '/api/trend answers 500 while the page says "All clear"', "page-health"),
    Fault("console-error", "an uncaught error on the dashboard", "console", "script"),
    # Accessibility.
    Fault("unlabeled-button", "the filter button's neighbour is an icon without an accessible name", "axe"),
    Fault("low-contrast", "secondary text is #b6bcc6 on white", "axe", "style"),
    Fault("frame-unlabeled", "a form field without a label, inside the lineage iframe only", "axe"),
    Fault("focus-invisible", "nothing shows which element has the focus", "keyboard", "style"),
    Fault("mouse-only-button", "the dashboard's print button is a span that only a pointer reaches", "keyboard"),
    # Journeys and access.
    Fault("approve-does-nothing", "approving answers 200, but nothing is changed or logged", "journeys"),
    Fault("forbidden-allowed", "a viewer may approve through the API", "access"),
    Fault("session-survives-sign-out", "signing out forgets the cookie but keeps the session", "session"),
    # Speed.
    Fault("slow-document", "the dashboard's first byte takes 1,500 ms", "vitals"),
    Fault("late-hero", "the largest picture of the dashboard appears after 3.5 s", "vitals", "script"),
    Fault("cls", "a banner 60 % of the viewport high drops in late and moves everything", "vitals", "script"),
    Fault("slow-interaction", "the filter button blocks the main thread for 450 ms", "vitals", "script"),
    Fault("long-task", "three long tasks of 350 ms each after the first paint", "vitals", "script"),
    Fault("rum-404", "/rum answers 404", "rum-beacon"),
    Fault("never-settles", "the dashboard changes its DOM in every frame", "visual", "script"),
    # Coverage and other reports.
    Fault("unit-coverage-dropped", "unit line coverage is about 71 %", "unit-coverage"),
    Fault("e2e-coverage-dropped", "end-to-end line coverage is about 48 %", "e2e-coverage"),
    Fault("coverage-empty", "the unit coverage report holds no file", "unit-coverage"),
    Fault("coverage-zero-of-zero", "the unit coverage report holds files without a statement", "unit-coverage"),
    Fault("coverage-truncated", "the unit coverage report ends half-way", "unit-coverage"),
    Fault("coverage-html", "the unit coverage report answers 200 with the sign-in page", "unit-coverage"),
    Fault("coverage-stale", "the unit coverage report was generated 40 days ago", "unit-coverage"),
    Fault("coverage-other-release", "the unit coverage report speaks for another release", "unit-coverage"),
    Fault("junit-short", "junit.xml declares 287 tests and holds 46", "unit-coverage"),
    Fault("data-quality-dropped", "one table fails validation while its catalogue card says it passes", "data-quality"),
    Fault("data-quality-empty-table", "one table validates with success on 0 rows", "data-quality"),
    # Headers, cookies, leaks, languages.
    Fault("headers-missing-on-html", "security headers reach static files, never HTML documents", "headers"),
    Fault("csp-nonce-reused", "every document carries the same CSP nonce", "csp"),
    Fault("cookie-insecure", "the session cookie is set without HttpOnly and SameSite", "cookies"),
    Fault("dotenv-exposed", "/.env answers 200 with (made-up) settings", "secrets"),
    Fault("integrity-mismatch", "the stylesheet's integrity hash is not the file's", "integrity"),
    Fault("hreflang-one-way", "German pages name no alternate languages", "i18n"),
)

FAULTS: Final[dict[str, Fault]] = {fault.name: fault for fault in _ALL}


class UnknownFaultError(ValueError):
    """A fault was asked for by a name that does not exist."""


def parse_faults(given: Iterable[str]) -> frozenset[str]:
    """Read fault names, each possibly a comma-separated list, and refuse the unknown ones."""
    names = [name.strip() for item in given for name in item.split(",") if name.strip()]
    for name in names:
        if name not in FAULTS:
            near = difflib.get_close_matches(name, FAULTS, n=1, cutoff=0.0)[0]
            raise UnknownFaultError(f"unknown fault {name!r}; did you mean {near!r}? (--list-faults shows all)")
    return frozenset(names)


def fault_table() -> str:
    """The faults as a plain text table."""
    width = max(map(len, FAULTS))
    checks = max(len(fault.check) for fault in _ALL)
    rows = [f"{fault.name:<{width}}  {fault.check:<{checks}}  {fault.effect}" for fault in _ALL]
    return "\n".join([f"{'fault':<{width}}  {'check':<{checks}}  effect", *rows])
