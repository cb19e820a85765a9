"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from suites.conftest import password_of


@pytest.mark.journey("sign-in.password")
def test_viewer_signs_in_and_sees_the_dashboard(page: Page) -> None:
    page.goto("/en/")
    page.get_by_label("Email").fill("viewer@tidemark.example")
    page.get_by_label("Password").fill(password_of("viewer"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Impact this quarter")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="All clear")).to_be_visible()


@pytest.mark.journey("sign-in.wrong-password")
def test_a_wrong_password_is_refused_with_an_alert(page: Page) -> None:
    page.goto("/en/")
    page.get_by_label("Email").fill("viewer@tidemark.example")
    page.get_by_label("Password").fill("not-the-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sign-in-error")).to_be_visible()
    assert page.request.get("/api/kpis").status == 401


@pytest.mark.journey("sign-in.sign-out")
def test_signing_out_ends_the_session(page_of: Callable[[str], Page]) -> None:
    page = page_of("viewer")
    page.goto("/en/dashboard")
    page.locator("#sign-out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.request.get("/api/kpis").status == 401
