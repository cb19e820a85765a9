"""The launch plan's seven workstreams and their rows, as the scorecard shows them.

A row names every mode of proof it needs, so that a live probe alone never closes a row that also wants a person's word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LaunchRow:
    """One line of the launch plan: its id in plan files, what it promises, and the modes of proof it needs."""

    id: str
    title: str
    modes: tuple[str, ...]


@dataclass(frozen=True)
class Workstream:
    """Rows that one team answers for."""

    title: str
    rows: tuple[LaunchRow, ...]


_L = ("live",)
_A = ("artefact",)
_H = ("human",)

WORKSTREAMS: tuple[Workstream, ...] = (
    Workstream(
        "Infrastructure",
        (
            LaunchRow("1.1", "Process model: own app, memory ceiling and log file for each service", _A),
            LaunchRow("1.2", "Topology and port matrix are true", _A),
            LaunchRow("1.3", "No port conflicts", _A + _L),
            LaunchRow("1.4", "Backups were restored in a drill", _H),
            LaunchRow("1.5", "Traces pass through every service", _L),
            LaunchRow("1.6", "Containers and charts carry probes and limits", _A),
            LaunchRow("1.7", "Structured logs are shipped", _A),
        ),
    ),
    Workstream(
        "Data trust",
        (
            LaunchRow("J1", "Lineage of the required datasets", _A),
            LaunchRow("J2", "Data quality of the required tables", _A),
            LaunchRow("J3", "Semantic layer agrees with the services", _A),
            LaunchRow("J4", "Catalogue page is true to the data", _L),
            LaunchRow("J5", "Retention, GDPR category and residency", _A + _L),
            LaunchRow("J6", "Data SLOs and burn-rate alerts", _L),
            LaunchRow("J7", "Data documentation is published", _A),
        ),
    ),
    Workstream(
        "Application",
        (
            LaunchRow("3.1", "Approvals, audit mode, partner portal, consent", _L),
            LaunchRow("3.2", "Single sign-on, provisioning, white label, error boundaries", _L),
            LaunchRow("3.3", "PDF and slide exports, chart speed", _L),
            LaunchRow("3.4", "Offline, event stream, focus order, target size, screen readers", _L + _H),
            LaunchRow("3.5", "Visual baselines, integrity hashes, end-to-end flows", _L),
            LaunchRow("3.6", "Languages, redirects and canonical addresses", _L),
        ),
    ),
    Workstream(
        "Services",
        (
            LaunchRow("4.1", "Every service is live and ready", _L),
            LaunchRow("4.2", "Migrations are applied", _A),
            LaunchRow("4.3", "Service registry matches the release", _L),
            LaunchRow("4.4", "Rate limits, circuit breakers, message lag", _L + _H),
            LaunchRow("4.5", "No secret is served", _L),
        ),
    ),
    Workstream(
        "Testing & QA",
        (
            LaunchRow("5.1", "Unit and end-to-end coverage", _A),
            LaunchRow("5.2", "Required journeys ran and asserted something", _L),
            LaunchRow("5.3", "Component stories against their baselines", _L),
            LaunchRow("5.4", "Accessibility: automatic and manual sweeps", _L + _H),
            LaunchRow("5.5", "Web Vitals: budgets and field data", _L + _A),
        ),
    ),
    Workstream(
        "Security & compliance",
        (
            LaunchRow("6.1", "Personal data is redacted, audit log is kept", _L),
            LaunchRow("6.2", "Category and residency tags, time to live", _A),
            LaunchRow("6.3", "A deletion request deletes", _L),
            LaunchRow("6.4", "Sessions, cookies, tokens, second factor", _L),
            LaunchRow("6.5", "Content security policy and Trusted Types", _L),
        ),
    ),
    Workstream(
        "Documentation & go-live",
        (
            LaunchRow("7.1", "Production handbook", _A),
            LaunchRow("7.2", "Deployment and rollback procedure, with approvals", _A + _H),
            LaunchRow("7.3", "On-call playbooks", _A),
            LaunchRow("7.4", "Readouts are up to date", _A),
            LaunchRow("7.5", "Evidence of the staging validation is captured", _L),
            LaunchRow("X", "Execution notes: tickets, owners, evidence links", _H),
        ),
    ),
)
