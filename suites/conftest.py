"""Fixtures of the suites: a browser page against staging, signed in as whoever a test asks for.

A suite is told where to look by the environment: STAGEPROOF_BASE_URL, STAGEPROOF_CHROMIUM, STAGEPROOF_ATTACHMENTS.
Call the `checkpoint` fixture, `checkpoint(page, "approved")`, where a journey shows what no address leads to; the plan
names it under `[[checkpoints]]`, and it is judged like a page.
Mark a test with `@pytest.mark.journey("approvals.approve")` when it walks a journey that the plan requires.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tasks.sweep.checkpoint import hear, take

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def base_url() -> str:
    """Where staging answers."""
    url = os.environ.get("STAGEPROOF_BASE_URL")
    if not url:
        pytest.fail("STAGEPROOF_BASE_URL is not set; run the suites through `stageproof run`", pytrace=False)
    return url.rstrip("/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole suite."""
    with sync_playwright() as playwright:
        arguments = os.environ.get("STAGEPROOF_CHROMIUM_ARGUMENTS", "").split()
        arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("STAGEPROOF_CHROMIUM"), args=arguments, timeout=30_000
        )
        yield chromium
        chromium.close()


@pytest.fixture
def new_context(
    browser: Browser, base_url: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[], BrowserContext]]:
    """Make fresh profiles; of a failed test, screenshots and traces are kept."""
    contexts: list[BrowserContext] = []

    def make() -> BrowserContext:
        context = browser.new_context(base_url=base_url, locale="en-GB", timezone_id="UTC")
        context.set_default_timeout(10_000)
        context.tracing.start(screenshots=False, snapshots=True)
        contexts.append(context)
        return context

    yield make
    failed = request.node.stash.get(FAILED, False)
    folder = _attachments(request.node.name)
    for number, context in enumerate(contexts, start=1):
        if failed and folder is not None:
            for place, page in enumerate(context.pages, start=1):
                page.screenshot(path=folder / f"page-{number}-{place}.png", mask=[page.locator("input[type=password]")])
            context.tracing.stop(path=folder / f"trace-{number}.zip")
        else:
            context.tracing.stop()
        context.close()


@pytest.fixture
def page(new_context: Callable[[], BrowserContext]) -> Page:
    """A page of somebody who has not signed in."""
    return hear(new_context().new_page())


@pytest.fixture
def checkpoint() -> Callable[[Page, str], None]:
    """Have this place of a journey looked at like a page; does nothing when the suite is run by hand."""
    return take


@pytest.fixture
def page_of(new_context: Callable[[], BrowserContext]) -> Callable[[str], Page]:
    """A page of somebody with this role, signed in by the API as the plan's identities are."""

    def make(role: str) -> Page:
        context = new_context()
        answer = context.request.post(
            "/api/login",
            data={"email": f"{role}@tidemark.example", "password": password_of(role)},
        )
        assert answer.ok, f"{role} could not sign in: {answer.status}"
        return hear(context.new_page())

    return make


def password_of(role: str) -> str:
    """The password of a role of the staging site, from the environment."""
    return os.environ[f"DEMO_{role.upper()}_PASSWORD"]


def _attachments(test: str) -> Path | None:
    root = os.environ.get("STAGEPROOF_ATTACHMENTS")
    if root is None:
        return None
    folder = Path(root) / re.sub(r"[^A-Za-z0-9_-]+", "-", test)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember that a test failed, for the fixtures that keep what it saw."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
