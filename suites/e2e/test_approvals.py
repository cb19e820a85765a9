"""The approvals workflow: who may decide, and what is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

REQUEST = "r-1041"


@pytest.fixture(autouse=True)
def same_requests_every_time(page: Page) -> Iterator[None]:
    """Put the requests back as they were, so that a journey can be walked every night."""
    reset = {"X-Test-Reset": "1"}
    assert page.request.post("/api/test/reset", headers=reset).ok
    yield
    page.request.post("/api/test/reset", headers=reset)


@pytest.mark.journey("approvals.approve")
def test_approver_approves_and_the_audit_log_says_so(
    page_of: Callable[[str], Page], checkpoint: Callable[[Page, str], None]
) -> None:
    approver = page_of("approver")
    approver.goto("/en/approvals")
    row = approver.locator(f"#requests tr[data-request='{REQUEST}']")
    row.get_by_role("button", name="Approve").click()
    expect(row).to_have_attribute("data-state", "approved")
    checkpoint(approver, "approved")
    approver.reload()
    expect(row).to_have_attribute("data-state", "approved")

    admin = page_of("admin")
    admin.goto("/en/audit")
    expect(admin.locator(f"#audit-log tr[data-request='{REQUEST}']").first).to_be_visible()


@pytest.mark.journey("approvals.forbidden-role")
def test_viewer_may_read_but_the_api_refuses_a_decision(page_of: Callable[[str], Page]) -> None:
    viewer = page_of("viewer")
    viewer.goto("/en/approvals")
    expect(viewer.locator("#read-only")).to_be_visible()
    assert viewer.request.post(f"/api/approvals/{REQUEST}/approve").status == 403
