"""The documentation holds to the code: catalogue, keys of the plan, examples, commands, links."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from evidence_store.model import Outcome, Waiver
from flows.command_line import application
from tasks.accessibility.known import read_known
from tasks.accessibility.models import KnownFinding
from tasks.catalogue import all_as_markdown, plan_schema
from tasks.contract import Check
from tasks.judging import judge
from tasks.plan import parse_plan
from tasks.registry import CHECKS
from tasks.sweep.models import PageVisit
from tests.tasks.judged_runs import KNOWN, STARTED, Run, plan_of

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PLAN = (REPOSITORY / "docs" / "plan.md").read_text(encoding="utf-8")
REWRITE = "write it anew: make docs"

SMALLEST = {
    "schema": "schema = 1",
    "target": '[target]\nname = "shop"\nbase_url = "https://shop.example"\nallowed_hosts = ["shop.example"]',
    "release": 'release = { url = "/v", pointer = "" }',
    "viewports": "[viewports.desktop]\nwidth = 1280\nheight = 800\n[viewports.phone]\nwidth = 390\nheight = 844",
    "identities": '[identities.viewer]\nlogin = { url = "/login", json = { user = "ada" } }',
    "pages": '[[pages]]\nname = "dashboard"\npath = "/"',
    "checks": "[checks.release]\n[checks.health]\n[checks.page-health]",
}


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language, without the indentation of the list they stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


def plan_around(block: str) -> str:
    """A whole plan in which this block takes the place of what it speaks of."""
    content = tomllib.loads(block)
    kept = {name: text for name, text in SMALLEST.items() if name not in content}
    if "release" in content:  # a key of [target]
        kept["target"] += f"\n{block}"
        return "\n".join(text for text in kept.values())
    kept["target"] += f"\n{kept.pop('release')}"
    if "profiles" in content:
        kept["checks"] += "\n[checks.axe]"
    return "\n".join([*kept.values(), block])


OTHER_FILES = re.compile(r"\[\[waiver|\[(approved|known|signers)|release")
PLAN_BLOCKS = [block for block in blocks(PLAN, "toml") if not OTHER_FILES.match(block)]
RELEASE_LINES = [line for block in blocks(PLAN, "toml") if block.startswith("release") for line in block.splitlines()]


def test_the_catalogue_of_checks_is_that_of_the_code() -> None:
    assert (REPOSITORY / "docs" / "checks.md").read_text(encoding="utf-8") == all_as_markdown(), REWRITE


def test_the_schema_knows_every_check() -> None:
    assert set(plan_schema()["properties"]["checks"]["properties"]) == {check.spec.id for check in CHECKS}


def keys_of(schema: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(schema, dict):
        if isinstance(properties := schema.get("properties"), dict):
            found |= set(properties)
        found = found.union(*map(keys_of, schema.values()))
    elif isinstance(schema, list):
        found = found.union(*map(keys_of, schema))
    return found


def test_every_key_of_a_plan_is_documented() -> None:
    documented = {word for code in re.findall(r"`([^`\n]+)`", PLAN) for word in re.split(r"[^\w-]+", code)}
    keys = keys_of(plan_schema()) | set(Waiver.model_fields) | set(KnownFinding.model_fields)
    assert sorted(keys - documented) == []


@pytest.mark.parametrize("block", [*PLAN_BLOCKS, *RELEASE_LINES], ids=lambda block: block.splitlines()[0])
def test_every_example_of_a_plan_is_accepted(block: str) -> None:
    assert parse_plan(plan_around(block), "docs/plan.md").target.name == "shop"


def test_the_plan_in_the_readme_is_whole() -> None:
    (block,) = blocks(README, "toml")
    assert parse_plan(block, "README.md").checks.keys() == {"release", "health", "page-health", "visual", "axe"}


def test_the_waiver_in_the_documentation_is_one() -> None:
    (block,) = [block for block in blocks(PLAN, "toml") if "[[waiver]]" in block]
    (waiver,) = tomllib.loads(block)["waiver"]
    assert Waiver.model_validate(waiver).owner == "Ada"


def test_the_known_finding_in_the_documentation_is_one(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(PLAN, "toml") if block.startswith("[known")]
    (tmp_path / "accessibility.toml").write_text(block, encoding="utf-8")
    assert [entry.owner for entry in read_known(tmp_path).values()] == ["Ada"]


def example_check() -> Check:
    (block,) = blocks(README, "python")
    names: dict[str, Any] = {"__name__": "tasks.language.judge"}
    exec(compile(block, "README.md", "exec"), names)
    check: Check = names["LANGUAGE"]
    return check


@pytest.mark.parametrize(("language", "outcome"), [("en", Outcome.PASS), ("", Outcome.FAIL)])
def test_the_example_check_judges(language: str, outcome: Outcome) -> None:
    visit = PageVisit(
        subject="home@desktop", gathered_at=STARTED, page="home", viewport="desktop", url="", language=language
    )
    plan = plan_of({"page-health": {}})
    result = judge(example_check(), plan, plan.profile("nightly"), STARTED, KNOWN, Run().add(visit))
    assert [(finding.subject, finding.outcome) for finding in result.findings] == [("home@desktop", outcome)]


def test_every_command_in_the_documentation_exists() -> None:
    known = set(getattr(get_command(application), "commands", {}))
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    fence = r"^ *```\w*\n(.*?)^ *```$"
    fenced = re.findall(fence, text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(fence, "", text, flags=re.MULTILINE | re.DOTALL))
    code = "\n".join([*fenced, *inline])
    assert sorted(set(re.findall(r"\bstageproof ([a-z]+)", code)) - known) == []
    assert sorted(name for name in known if f"`{name}`" not in README) == []


def test_every_environment_variable_is_documented() -> None:
    operations = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    packages = ("flows", "tasks", "evidence_store", "deployments", "suites")
    code = "\n".join(
        path.read_text(encoding="utf-8") for package in packages for path in (REPOSITORY / package).rglob("*.py")
    )
    read = set(re.findall(r"""["'](STAGEPROOF_[A-Z0-9_]*[A-Z0-9])["']""", code)) - {
        "STAGEPROOF_PROCESS",
        "STAGEPROOF_CHILD",
    }  # marks on processes
    assert sorted(name for name in read if f"`{name}`" not in operations) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor:
            content = target.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)$", content, re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
            assert anchor in slugs or f'id="{anchor}"' in content, link
