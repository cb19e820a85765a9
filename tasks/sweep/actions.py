"""Does the steps that lead to a state of a page, as a person would: real pointer and key events."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Error, Page

from tasks.plan import Action

STEP_TIMEOUT_MS = 5_000


class StepError(Exception):
    """A step that could not be done, so that the state was never there to be looked at."""


def perform(page: Page, steps: Sequence[Action]) -> None:
    """Do the steps in order; raises StepError with the step and the reason."""
    for number, step in enumerate(steps, start=1):
        kind, value = next(iter(step.model_dump(exclude_none=True).items()))
        try:
            _perform(page, kind, value)
        except Error as error:
            reason = str(error).strip().splitlines()[0][:300]
            raise StepError(f"step {number} of {len(steps)}, {kind} '{value}', could not be done: {reason}") from error


def _perform(page: Page, kind: str, value: str) -> None:
    if kind == "key":
        page.keyboard.press(value)
    elif kind == "type":
        page.keyboard.type(value)
    else:
        locator = page.locator(value)
        if kind == "click":
            locator.click(timeout=STEP_TIMEOUT_MS)
        elif kind == "hover":
            locator.hover(timeout=STEP_TIMEOUT_MS)
        elif kind == "focus":
            locator.focus(timeout=STEP_TIMEOUT_MS)
        else:
            locator.first.wait_for(timeout=STEP_TIMEOUT_MS)
