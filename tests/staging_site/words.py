"""The site's words in its three languages."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("en", "de", "nb")
LANGUAGE_NAMES: Final = {"en": "English", "de": "Deutsch", "nb": "Norsk"}

_TABLE: Final[dict[str, tuple[str, str, str]]] = {
    "tagline": ("Corporate impact, measured.", "Wirkung, die sich messen lässt.", "Samfunnseffekt, målt."),
    "skip": ("Skip to content", "Zum Inhalt springen", "Hopp til innholdet"),
    "language": ("Language", "Sprache", "Språk"),
    "main_menu": ("Main menu", "Hauptmenü", "Hovedmeny"),
    "sign_in": ("Sign in", "Anmelden", "Logg inn"),
    "sign_in_lead": (
        "Use your work account to see what your company changes.",
        "Melden Sie sich mit Ihrem Firmenkonto an.",
        "Bruk jobbkontoen din for å se hva selskapet endrer.",
    ),
    "email": ("Email", "E-Mail", "E-post"),
    "password": ("Password", "Passwort", "Passord"),
    "wrong_password": (
        "Email or password is not right.",
        "E-Mail oder Passwort ist nicht richtig.",
        "E-post eller passord er feil.",
    ),
    "sign_out": ("Sign out", "Abmelden", "Logg ut"),
    "promise_1": (
        "Every number traces back to its source",
        "Jede Zahl führt zu ihrer Quelle",
        "Hvert tall kan spores til kilden",
    ),
    "promise_2": ("Decisions with a full audit log", "Entscheidungen mit Protokoll", "Beslutninger med full logg"),
    "promise_3": ("Reports ready for the board", "Berichte für den Vorstand", "Rapporter klare for styret"),
    "dashboard": ("Dashboard", "Übersicht", "Oversikt"),
    "approvals": ("Approvals", "Freigaben", "Godkjenning"),
    "catalog": ("Catalogue", "Katalog", "Katalog"),
    "reports": ("Reports", "Berichte", "Rapporter"),
    "audit": ("Audit log", "Protokoll", "Logg"),
    "dashboard_h1": ("Impact this quarter", "Wirkung in diesem Quartal", "Effekt dette kvartalet"),
    "dashboard_lead": (
        "July to September 2026, 14 initiatives in 5 countries",
        "Juli bis September 2026, 14 Initiativen in 5 Ländern",
        "Juli til september 2026, 14 tiltak i 5 land",
    ),
    "hero_title": ("The tide is turning", "Die Gezeiten wenden sich", "Tidevannet snur"),
    "hero_text": (
        "Avoided emissions are ahead of target for the sixth month in a row.",
        "Die vermiedenen Emissionen liegen im sechsten Monat in Folge über dem Ziel.",
        "Unngåtte utslipp ligger foran målet for sjette måned på rad.",
    ),
    "updated": ("Updated at", "Stand", "Oppdatert"),
    "filters": ("Filters", "Filter", "Filtre"),
    "print": ("Print", "Drucken", "Skriv ut"),
    "period": ("Period", "Zeitraum", "Periode"),
    "months_3": ("3 months", "3 Monate", "3 måneder"),
    "months_6": ("6 months", "6 Monate", "6 måneder"),
    "months_12": ("12 months", "12 Monate", "12 måneder"),
    "all_clear": ("All clear", "Alles in Ordnung", "Alt i orden"),
    "loading": ("Loading", "Wird geladen", "Laster"),
    "load_failed": (
        "Some figures could not be loaded.",
        "Einige Zahlen konnten nicht geladen werden.",
        "Noen tall kunne ikke lastes.",
    ),
    "kpis": ("Key figures", "Kennzahlen", "Nøkkeltall"),
    "trend": ("Emissions avoided", "Vermiedene Emissionen", "Unngåtte utslipp"),
    "trend_lead": (
        "Tonnes of CO₂e a month, against target",
        "Tonnen CO₂e im Monat, gegenüber dem Ziel",
        "Tonn CO₂e per måned, mot målet",
    ),
    "actual": ("Actual", "Ist", "Faktisk"),
    "target": ("Target", "Ziel", "Mål"),
    "initiatives": ("Initiatives", "Initiativen", "Tiltak"),
    "initiative": ("Initiative", "Initiative", "Tiltak"),
    "owner": ("Owner", "Verantwortlich", "Ansvarlig"),
    "country": ("Country", "Land", "Land"),
    "progress": ("Progress", "Fortschritt", "Fremdrift"),
    "state": ("Status", "Status", "Status"),
    "on_track": ("On track", "Im Plan", "I rute"),
    "at_risk": ("At risk", "Gefährdet", "I fare"),
    "done": ("Done", "Fertig", "Ferdig"),
    "change_note": ("vs. last quarter", "zum Vorquartal", "mot forrige kvartal"),
    "approvals_lead": (
        "Requests that need a decision from an approver",
        "Anträge, die eine Freigabe brauchen",
        "Søknader som trenger en beslutning",
    ),
    "read_only": (
        "You can read requests. Deciding needs the approver role.",
        "Sie können Anträge lesen. Entscheiden dürfen nur Freigebende.",
        "Du kan lese søknader. Bare godkjennere kan avgjøre.",
    ),
    "request": ("Request", "Antrag", "Søknad"),
    "requester": ("Requested by", "Beantragt von", "Søkt av"),
    "amount": ("Amount", "Betrag", "Beløp"),
    "submitted": ("Submitted", "Eingereicht", "Sendt inn"),
    "decision": ("Decision", "Entscheidung", "Beslutning"),
    "approve": ("Approve", "Freigeben", "Godkjenn"),
    "reject": ("Reject", "Ablehnen", "Avslå"),
    "pending": ("Pending", "Offen", "Venter"),
    "approved": ("Approved", "Freigegeben", "Godkjent"),
    "rejected": ("Rejected", "Abgelehnt", "Avslått"),
    "decision_failed": (
        "The decision could not be saved.",
        "Die Entscheidung konnte nicht gespeichert werden.",
        "Beslutningen kunne ikke lagres.",
    ),
    "no_decision": ("–", "–", "–"),
    "audit_lead": (
        "Every decision, newest first",
        "Jede Entscheidung, die neueste zuerst",
        "Alle beslutninger, nyeste først",
    ),
    "time": ("Time (UTC)", "Zeit (UTC)", "Tid (UTC)"),
    "actor": ("Person", "Person", "Person"),
    "action": ("Action", "Aktion", "Handling"),
    "catalog_h1": ("Data catalogue", "Datenkatalog", "Datakatalog"),
    "catalog_lead": (
        "The tables behind every figure, with their freshness and tests",
        "Die Tabellen hinter jeder Zahl, mit Aktualität und Tests",
        "Tabellene bak hvert tall, med ferskhet og tester",
    ),
    "fresh": ("Fresh, {} h", "Aktuell, {} h", "Fersk, {} t"),
    "tests_met": ("{} of {} tests pass", "{} von {} Tests ok", "{} av {} tester består"),
    "rows": ("Rows", "Zeilen", "Rader"),
    "residency": ("Stored in", "Gespeichert in", "Lagres i"),
    "category": ("Personal data", "Personenbezug", "Personopplysninger"),
    "none": ("None", "Keiner", "Ingen"),
    "personal": ("Personal", "Ja", "Ja"),
    "sensitive": ("Sensitive", "Sensibel", "Sensitive"),
    "lineage": ("Lineage", "Herkunft", "Opphav"),
    "lineage_lead": (
        "How the tables become the figures of the dashboard",
        "Wie aus Tabellen die Zahlen der Übersicht werden",
        "Hvordan tabellene blir til tallene i oversikten",
    ),
    "lineage_frame": ("Lineage preview", "Vorschau der Herkunft", "Forhåndsvisning av opphav"),
    "reports_h1": ("Reports", "Berichte", "Rapporter"),
    "reports_lead": (
        "Export a quarter as data or as a page to print",
        "Ein Quartal als Daten oder Druckseite ausgeben",
        "Eksporter et kvartal som data eller utskrift",
    ),
    "download_csv": ("Download CSV", "CSV herunterladen", "Last ned CSV"),
    "open_print": ("Printable version", "Druckansicht", "Utskriftsversjon"),
    "pages": ("pages", "Seiten", "sider"),
    "preview": ("Preview", "Vorschau", "Forhåndsvisning"),
    "preview_lead": (
        "The cover of the third quarter's report",
        "Das Deckblatt des Berichts für das dritte Quartal",
        "Forsiden av rapporten for tredje kvartal",
    ),
    "method": ("How the figures are made", "Wie die Zahlen entstehen", "Slik blir tallene til"),
    "method_text": (
        "Figures come from eight validated tables. A figure is published when at least nine of ten tests of its "
        "tables pass and its tables are less than a day old. Avoided emissions follow the GHG Protocol with "
        "national grid factors.",
        "Die Zahlen stammen aus acht geprüften Tabellen. Eine Zahl erscheint, wenn mindestens neun von zehn Tests "
        "bestanden sind und die Tabellen jünger als ein Tag sind. Vermiedene Emissionen folgen dem GHG Protocol.",
        "Tallene kommer fra åtte validerte tabeller. Et tall publiseres når minst ni av ti tester består og "
        "tabellene er under ett døgn gamle. Unngåtte utslipp følger GHG-protokollen.",
    ),
    "month": ("Month", "Monat", "Måned"),
    "back": ("Back to reports", "Zurück zu den Berichten", "Tilbake til rapporter"),
    "forbidden_h1": ("Not your page", "Kein Zugriff", "Ingen tilgang"),
    "forbidden_text": (
        "Your role does not include this page. Ask an administrator for access.",
        "Ihre Rolle umfasst diese Seite nicht. Fragen Sie die Administration.",
        "Rollen din omfatter ikke denne siden. Spør en administrator.",
    ),
    "not_found_h1": ("Page not found", "Seite nicht gefunden", "Fant ikke siden"),
    "not_found_text": (
        "There is nothing at this address.",
        "Unter dieser Adresse gibt es nichts.",
        "Det finnes ingenting på denne adressen.",
    ),
    "to_start": ("To the start page", "Zur Startseite", "Til forsiden"),
    "footer": (
        "Tidemark staging. Figures are examples.",
        "Tidemark Staging. Alle Zahlen sind Beispiele.",
        "Tidemark staging. Tallene er eksempler.",
    ),
    "banner": (
        "Planned maintenance on Sunday from 02:00 to 04:00 UTC.",
        "Geplante Wartung am Sonntag von 02:00 bis 04:00 UTC.",
        "Planlagt vedlikehold søndag fra 02:00 til 04:00 UTC.",
    ),
}

WORDS: Final[dict[str, dict[str, str]]] = {
    language: {key: row[column] for key, row in _TABLE.items()} for column, language in enumerate(LANGUAGES)
}


def preferred_language(accept_language: str) -> str:
    """The supported language that an Accept-Language header likes best."""
    best, best_weight = "en", 0.0
    for part in accept_language.split(","):
        tag, _, weight_text = part.strip().partition(";q=")
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        primary = tag.split("-")[0].lower()
        # Browsers in Norway ask for "no" or "nn" as well as "nb".
        language = "nb" if primary in {"no", "nn", "nb"} else primary
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best
