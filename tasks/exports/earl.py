"""EARL 1.0 as JSON-LD: who found what, by which test, on which page state (W3C, Evaluation and Report Language). Pure.

One assertion for each test and subject, passes and untested ones too. The context is in the file: nothing has to be
fetched to read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from evidence_store.model import Manifest
from evidence_store.report.plain_text import counted
from tasks.exports.assertions import AXE, Assertion
from tasks.records.models import MANUAL_A11Y
from tasks.wcag import Criterion

_REFERENCE = {"@type": "@id"}
CONTEXT: dict[str, Any] = {
    "earl": "http://www.w3.org/ns/earl#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "doap": "http://usefulinc.com/ns/doap#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "wcag22": "https://www.w3.org/TR/WCAG22/#",
    "Assertion": "earl:Assertion",
    "Software": "earl:Software",
    "Person": "foaf:Person",
    "TestResult": "earl:TestResult",
    "TestSubject": "earl:TestSubject",
    "TestCase": "earl:TestCase",
    "TestRequirement": "earl:TestRequirement",
    "assertedBy": {"@id": "earl:assertedBy"} | _REFERENCE,
    "subject": {"@id": "earl:subject"} | _REFERENCE,
    "test": {"@id": "earl:test"} | _REFERENCE,
    "mode": {"@id": "earl:mode"} | _REFERENCE,
    "result": "earl:result",
    "outcome": {"@id": "earl:outcome"} | _REFERENCE,
    "info": "earl:info",
    "date": {"@id": "dct:date", "@type": "xsd:dateTime"},
    "title": "dct:title",
    "description": "dct:description",
    "hasVersion": "dct:hasVersion",
    "isPartOf": {"@id": "dct:isPartOf"} | _REFERENCE,
    "source": {"@id": "dct:source"} | _REFERENCE,
    "seeAlso": {"@id": "http://www.w3.org/2000/01/rdf-schema#seeAlso"} | _REFERENCE,
    "name": "foaf:name",
}


def earl(manifest: Manifest, made: Sequence[Assertion]) -> bytes:
    """The EARL report of a run, of all its assertions."""
    nodes: dict[str, dict[str, Any]] = {}
    for item in made:
        for node in (
            _assertor(manifest, item),
            _subject(manifest, item),
            _test(item),
            *map(_requirement, item.criteria),
        ):
            nodes.setdefault(node["@id"], node)
    graph = [nodes[name] for name in sorted(nodes)] + [_assertion(manifest, item) for item in made]
    content = {"@context": CONTEXT, "@graph": graph}
    return json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", "replace")


def _name(kind: str, *parts: str) -> str:
    return ":".join(["urn:stageproof", kind, *(quote(part, safe="") for part in parts)])


def _assertor_name(item: Assertion) -> str:
    if item.person is not None:
        return _name("person", item.person, item.means)
    return _name("software", "axe-core" if item.check == AXE else "stageproof")


def _assertor(manifest: Manifest, item: Assertion) -> dict[str, Any]:
    if item.person is not None:
        return {
            "@id": _assertor_name(item),
            "@type": "Person",
            "name": item.person,
            "description": f"with {item.means}",
        }
    tool = "axe-core" if item.check == AXE else "stageproof"
    version = manifest.toolchain.get(tool, "unknown")
    return {"@id": _assertor_name(item), "@type": "Software", "title": tool, "hasVersion": version}


def _subject_name(manifest: Manifest, item: Assertion) -> str:
    return _name("subject", manifest.run_id, item.subject)


def _subject(manifest: Manifest, item: Assertion) -> dict[str, Any]:
    release = "in doubt" if manifest.decision.doubt else manifest.release.before or "unknown"
    return {
        "@id": _subject_name(manifest, item),
        "@type": "TestSubject",
        "title": item.subject,
        "source": item.address,
        "hasVersion": release,
    }


def _test_name(item: Assertion) -> str:
    sweep = (item.subject,) if item.check == MANUAL_A11Y else ()
    return _name("test", item.check, *sweep, item.test)


def _test(item: Assertion) -> dict[str, Any]:
    node: dict[str, Any] = {"@id": _test_name(item), "@type": "TestCase", "title": item.title or item.test}
    if item.link:
        node["seeAlso"] = item.link
    if item.criteria:
        node["isPartOf"] = [_criterion_name(criterion) for criterion in item.criteria]
    return node


def _criterion_name(criterion: Criterion) -> str:
    return f"wcag22:{criterion.slug}"


def _requirement(criterion: Criterion) -> dict[str, Any]:
    return {"@id": _criterion_name(criterion), "@type": "TestRequirement", "title": criterion.words}


def _assertion(manifest: Manifest, item: Assertion) -> dict[str, Any]:
    told = [item.info, counted(item.elements, "element") * bool(item.elements)]
    result: dict[str, Any] = {
        "@type": "TestResult",
        "outcome": f"earl:{item.result.value}",
        "date": (item.at or manifest.finished_at).isoformat(),
    }
    if any(told):
        result["info"] = "; ".join(filter(None, told))
    return {
        "@type": "Assertion",
        "assertedBy": _assertor_name(item),
        "subject": _subject_name(manifest, item),
        "test": _test_name(item),
        "mode": "earl:manual" if item.by_hand else "earl:automatic",
        "result": result,
    }
