"""Documentation that is written from the code stays equal to it."""

from __future__ import annotations

from flows.run_settings import REPOSITORY
from tasks.catalogue import all_as_markdown, plan_schema
from tasks.registry import CHECKS


def test_checks_md_is_what_the_code_says() -> None:
    assert (REPOSITORY / "docs" / "checks.md").read_text(encoding="utf-8") == all_as_markdown()


def test_the_schema_knows_every_check() -> None:
    assert set(plan_schema()["properties"]["checks"]["properties"]) == {check.spec.id for check in CHECKS}
