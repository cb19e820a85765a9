"""A Chromium for tests of what is done in a page."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tasks.doors.chromium import find_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = ["--hide-scrollbars", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(find_chromium()), args=arguments)
        yield running
        running.close()
