"""The fixed content of Tidemark: nothing here depends on the clock or on chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ACCENT: Final = "#2563eb"
ACCENT_CHANGED: Final = "#1d4ed8"
SESSION_COOKIE: Final = "tidemark_session"


@dataclass(frozen=True)
class User:
    """A person who may sign in."""

    email: str
    role: str
    name: str
    password_variable: str
    default_password: str


USERS: Final = (
    User("viewer@tidemark.example", "viewer", "Vera Lindqvist", "STAGING_SITE_PASSWORD_VIEWER", "viewer-demo-pass"),
    User("approver@tidemark.example", "approver", "Arno Petersen", "STAGING_SITE_PASSWORD_APPROVER",
         "approver-demo-pass"),
    User("admin@tidemark.example", "admin", "Adaeze Okafor", "STAGING_SITE_PASSWORD_ADMIN", "admin-demo-pass"),
)  # fmt: skip

SERVICES: Final = ("gateway", "reporting", "billing", "analytics", "notifications", "catalogue")


@dataclass(frozen=True)
class Kpi:
    """A headline number of the dashboard, with its words in every language."""

    id: str
    value: float
    style: str  # an Intl.NumberFormat style: decimal, percent or currency
    unit: str
    change: float
    series: tuple[float, ...]
    labels: dict[str, str]
    icon: str


KPIS: Final = (
    Kpi("carbon", 12480, "decimal", "t", 0.084, (8.1, 8.4, 8.2, 9.0, 9.6, 10.1, 10.4, 11.5, 12.5),
        {"en": "CO₂e avoided", "de": "CO₂e vermieden", "nb": "CO₂e unngått"}, "leaf"),
    Kpi("hours", 8214, "decimal", "h", 0.121, (5.2, 5.6, 6.4, 6.1, 6.8, 7.0, 7.3, 7.9, 8.2),
        {"en": "Volunteer hours", "de": "Ehrenamtsstunden", "nb": "Frivillige timer"}, "people"),
    Kpi("grants", 3420000, "currency", "EUR", 0.046, (2.6, 2.7, 2.9, 2.8, 3.0, 3.1, 3.3, 3.3, 3.4),
        {"en": "Community grants", "de": "Fördermittel", "nb": "Lokale tilskudd"}, "heart"),
    Kpi("suppliers", 0.87, "percent", "", -0.012, (84, 85, 87, 88, 89, 89, 88, 88, 87),
        {"en": "Suppliers assessed", "de": "Geprüfte Lieferanten", "nb": "Vurderte leverandører"}, "link"),
)  # fmt: skip
ONE_LETTER: Final = {"en": "Volunteer hourz", "de": "Ehrenamtsstunder", "nb": "Frivillige timez"}

# Avoided emissions in tonnes a month, and the target beside them.
TREND: Final = (
    ("2025-10", 780, 800), ("2025-11", 845, 830), ("2025-12", 810, 860), ("2026-01", 902, 890),
    ("2026-02", 961, 920), ("2026-03", 934, 950), ("2026-04", 1018, 980), ("2026-05", 1104, 1010),
    ("2026-06", 1082, 1040), ("2026-07", 1176, 1070), ("2026-08", 1248, 1100), ("2026-09", 1322, 1130),
)  # fmt: skip


@dataclass(frozen=True)
class Initiative:
    """A piece of work that has an impact."""

    name: dict[str, str]
    owner: str
    region: str
    progress: int
    state: str


INITIATIVES: Final = (
    Initiative({"en": "Fjord clean-up", "de": "Fjordreinigung", "nb": "Fjordrydding"}, "Ingrid Solheim", "NO", 92,
               "on_track"),
    Initiative({"en": "Solar roofs for schools", "de": "Solardächer für Schulen", "nb": "Solceller på skoletak"},
               "Jonas Weber", "DE", 74, "on_track"),
    Initiative({"en": "Repair cafés", "de": "Reparaturcafés", "nb": "Reparasjonskafeer"}, "Femke de Vries", "NL", 61,
               "on_track"),
    Initiative({"en": "Supplier living wage", "de": "Faire Löhne bei Lieferanten", "nb": "Levelønn hos leverandører"},
               "Rui Carvalho", "PT", 38, "at_risk"),
    Initiative({"en": "Digital skills evenings", "de": "Digitale Abendkurse", "nb": "Digitale kurskvelder"},
               "Maeve Byrne", "IE", 100, "done"),
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A grant or change that waits for a decision."""

    id: str
    title: dict[str, str]
    requester: str
    amount: int
    submitted: str
    state: str


REQUESTS: Final = (
    Request("r-1041", {"en": "Coastal clean-up grant", "de": "Zuschuss Küstenreinigung",
                       "nb": "Tilskudd til strandrydding"}, "Ingrid Solheim", 48000, "2026-09-21", "pending"),
    Request("r-1040", {"en": "Solar roof, Lindenau school", "de": "Solardach, Schule Lindenau",
                       "nb": "Solceller, Lindenau skole"}, "Jonas Weber", 126500, "2026-09-18", "pending"),
    Request("r-1038", {"en": "Repair café tool kits", "de": "Werkzeug für Reparaturcafés",
                       "nb": "Verktøy til reparasjonskafeer"}, "Femke de Vries", 9800, "2026-09-14", "pending"),
    Request("r-1035", {"en": "Living-wage audit, phase 2", "de": "Lohnprüfung, Phase 2", "nb": "Lønnsrevisjon, fase 2"},
            "Rui Carvalho", 31200, "2026-09-09", "approved"),
    Request("r-1029", {"en": "Stadium sponsorship", "de": "Stadion-Sponsoring", "nb": "Stadionsponsing"},
            "Maeve Byrne", 210000, "2026-08-30", "rejected"),
)  # fmt: skip

# What the audit log holds before anybody decides anything.
SEED_AUDIT: Final = (
    ("2026-09-09T09:12:00Z", "approver@tidemark.example", "approve", "r-1035"),
    ("2026-08-31T14:40:00Z", "admin@tidemark.example", "reject", "r-1029"),
)


@dataclass(frozen=True)
class Dataset:
    """A table of the data catalogue, with the outcome of its last validation."""

    table: str
    title: dict[str, str]
    owner: str
    rows: int
    fresh_hours: int
    residency: str
    category: str
    expectations: int
    met: int


DATASETS: Final = (
    Dataset("activity_hours", {"en": "Volunteer activity", "de": "Freiwilligenarbeit", "nb": "Frivillig innsats"},
            "People", 184220, 2, "EU", "personal", 18, 18),
    Dataset("carbon_ledger", {"en": "Carbon ledger", "de": "CO₂-Konto", "nb": "Karbonregnskap"}, "Sustainability",
            96410, 1, "EU", "none", 24, 24),
    Dataset("energy_meters", {"en": "Energy meters", "de": "Energiezähler", "nb": "Energimålere"}, "Facilities",
            2410800, 1, "EU", "none", 16, 16),
    Dataset("grants", {"en": "Community grants", "de": "Fördermittel", "nb": "Lokale tilskudd"}, "Foundation",
            1284, 6, "EU", "personal", 14, 14),
    Dataset("partner_directory", {"en": "Partner directory", "de": "Partnerverzeichnis", "nb": "Partnerkatalog"},
            "Partnerships", 842, 12, "EU", "personal", 12, 12),
    Dataset("supplier_audits", {"en": "Supplier audits", "de": "Lieferantenaudits", "nb": "Leverandørrevisjoner"},
            "Procurement", 5310, 20, "EU", "none", 20, 19),
    Dataset("survey_answers", {"en": "Survey answers", "de": "Umfrageantworten", "nb": "Undersøkelsessvar"},
            "Insights", 61870, 4, "EU", "sensitive", 15, 15),
    Dataset("travel_trips", {"en": "Business travel", "de": "Dienstreisen", "nb": "Tjenestereiser"}, "Finance",
            40260, 3, "EU", "personal", 11, 11),
)  # fmt: skip
# The table that the data-quality faults act on.
FAULTY_TABLE: Final = "carbon_ledger"


@dataclass(frozen=True)
class Report:
    """A report that can be exported."""

    id: str
    title: dict[str, str]
    period: str
    pages: int


REPORTS: Final = (
    Report("q3", {"en": "Impact report, third quarter", "de": "Wirkungsbericht, drittes Quartal",
                  "nb": "Effektrapport, tredje kvartal"}, "2026-07-01 – 2026-09-30", 18),
    Report("q2", {"en": "Impact report, second quarter", "de": "Wirkungsbericht, zweites Quartal",
                  "nb": "Effektrapport, andre kvartal"}, "2026-04-01 – 2026-06-30", 16),
    Report("q1", {"en": "Impact report, first quarter", "de": "Wirkungsbericht, erstes Quartal",
                  "nb": "Effektrapport, første kvartal"}, "2026-01-01 – 2026-03-31", 15),
)  # fmt: skip


def report_csv(report_id: str) -> str:
    """The report's numbers as CSV."""
    months = {"q3": TREND[9:12], "q2": TREND[6:9], "q1": TREND[3:6]}[report_id]
    lines = ["month,co2e_avoided_t,target_t", *(f"{month},{value},{target}" for month, value, target in months)]
    return "\r\n".join(lines) + "\r\n"
