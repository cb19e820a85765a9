"""The catalogue of checks and the plan's schema, from the code itself, for `stageproof checks`, `schema` and docs."""

from __future__ import annotations

from typing import Any

from tasks.contract import Check
from tasks.plan import CheckOptions, Plan
from tasks.registry import CHECKS


def describe(check: Check) -> dict[str, Any]:
    """A check as plain data."""
    return check.spec.model_dump(mode="json") | {
        "options": check.options.model_json_schema(by_alias=True).get("properties", {}),
        "reads": [kind.kind for kind in check.needs],
    }


def as_markdown(check: Check) -> str:
    """A check as a page of documentation."""
    spec = check.spec
    lines = [
        f"## {spec.id}",
        "",
        f"**{spec.title}.** When it fails: {spec.failure_title.lower()}.",
        "",
        spec.why,
        "",
        f"Launch plan: {', '.join(spec.rows) or 'no line of it by itself'}. "
        f"Proof: {spec.mode}. Severity: {spec.severity.value}.",
    ]
    module = (check.judge.__module__ and __import__(check.judge.__module__, fromlist=["_"]).__doc__) or ""
    rules = module.partition("\n")[2].strip()
    if rules:
        lines += ["", rules]
    lines += ["", "| option | meaning |", "|---|---|"]
    for name, field in check.options.model_fields.items():
        lines.append(f"| `{field.alias or name}` | {' '.join((field.description or '').split())} |")
    return "\n".join(lines)


def all_as_markdown() -> str:
    """docs/checks.md: every check; `make docs` writes it and a test holds it to the code."""
    heading = "# Checks\n\nWritten by `make docs` from the code. A check that fails links here.\n\n"
    return heading + "\n\n".join(as_markdown(check) for check in CHECKS) + "\n"


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan file, with the table of every check."""
    schema = Plan.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    tables: dict[str, Any] = {}
    for check in CHECKS:
        own = check.options.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions.update(own.pop("$defs", {}))
        name = check.options.__name__
        definitions[name] = own
        tables[check.spec.id] = {"$ref": f"#/$defs/{name}"}
    definitions.setdefault(CheckOptions.__name__, CheckOptions.model_json_schema(by_alias=True))
    schema["properties"]["checks"] = {
        "type": "object",
        "properties": tables,
        "additionalProperties": False,
        "minProperties": 1,
        "description": "A table for each check the plan asks for.",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "stageproof plan"} | schema
