"""Steps proposed from ARIA snapshots: what is walked, in order, bounded, and plain whatever the page says."""

from __future__ import annotations

import pytest

from tasks.records.manual import BadFileError, read_sweep
from tasks.records.proposals import Proposal, Seen, propose, read_snapshot, sweep_text

SNAPSHOT = r"""
- banner:
  - navigation "Main":
    - 'link "Home: yes"':
      - /url: /en/
- main:
  - heading "Impact \"this\" quarter" [level=1]
  - paragraph: "Some text: 12"
  - form "Filter":
    - text: Email
    - textbox "Email": a@b
    - checkbox "Agree" [checked]
    - button "Approve" [disabled]
    - button
  - status: 3 results
  - dialog "Sure?":
    - button "Yes" [pressed=mixed]
  - table "Reports":
    - row "A 1":
      - cell "1"
  - img
  - iframe
"""


def seen(snapshot: str = SNAPSHOT, title: str = "Dashboard", subject: str = "dashboard@desktop") -> Seen:
    return Seen(subject, "https://shop.example/en/", title, snapshot.encode())


def proposed(*pages: Seen, most: int = 100) -> Proposal:
    return propose(pages or (seen(),), most)


def test_elements_are_read_as_playwright_writes_them() -> None:
    found = [(item.role, item.name, dict(item.attributes), item.text) for item in read_snapshot(SNAPSHOT.encode())]
    assert found[2] == ("link", "Home: yes", {}, "")
    assert found[4] == ("heading", 'Impact "this" quarter', {"level": "1"}, "")
    assert ("textbox", "Email", {}, "a@b") in found
    assert ("status", "", {}, "3 results") in found
    assert [item[0] for item in found][:4] == ["banner", "navigation", "link", "main"]


def test_every_kind_that_a_person_walks_through_has_its_step_and_criterion() -> None:
    steps = {step["id"]: (step["expect"], step["criterion"]) for step in proposed().steps}
    assert steps == {
        "open-dashboard-desktop": ("Dashboard", "2.4.2"),
        "banner": ("banner landmark", "1.3.1"),
        "navigation-main": ("Main, navigation landmark", "1.3.1"),
        "link-home-yes": ("Home: yes, link", "2.4.4"),
        "main": ("main landmark", "1.3.1"),
        "impact-this-quarter": ('Impact "this" quarter, heading level 1', "1.3.1"),
        "form-filter": ("Filter, form landmark", "1.3.1"),
        "edit-field-email": ("Email, edit field, a@b", "4.1.2"),
        "check-box-agree": ("Agree, check box, checked", "4.1.2"),
        "button-approve": ("Approve, button, disabled", "4.1.2"),
        "button-without-a-name": ("a name that says what it does, button", "4.1.2"),
        "status": ("3 results, announced by itself", "4.1.3"),
        "open-the-dialog-sure": ("Sure?, dialog; the focus is inside it", "4.1.2"),
        "button-yes": ("Yes, button, mixed pressed", "4.1.2"),
        "table-reports": ("Reports, table; each cell with its headers", "1.3.1"),
        "image-without-a-name": ("what the image shows, image", "1.1.1"),
    }


def test_the_written_file_is_a_sweep() -> None:
    proposal = proposed(most=5)
    text = sweep_text("Approving", ["dashboard@desktop"], "NVDA", proposal, "run 1")
    assert [step.model_dump() for step in read_sweep(text.encode()).steps] == list(proposal.steps)
    assert "# 11 further elements had no room" in text


def test_the_bound_leaves_room_for_every_kind_and_keeps_the_order() -> None:
    headings = "".join(f'- heading "H{number}" [level=2]\n' for number in range(200))
    proposal = proposed(seen(headings + '- button "Save"\n- status\n'), most=10)
    ids = [step["id"] for step in proposal.steps]
    assert ids == ["open-dashboard-desktop", *[f"h{number}" for number in range(7)], "button-save", "status"]
    assert proposal.left_out == 193


def test_what_stands_in_every_row_is_walked_once_and_namesakes_keep_their_own_ids() -> None:
    snapshot = '- link "Open"\n' * 50 + '- button "A b"\n- button "A-b"\n- button "A b 2"\n'
    ids = [step["id"] for step in proposed(seen(snapshot)).steps]
    assert ids == ["open-dashboard-desktop", "link-open", "button-a-b", "button-a-b-2", "button-a-b-2-2"]


def test_two_pages_say_where_each_step_is() -> None:
    button = '- button "Save"'
    steps = proposed(seen(button), seen(button, subject="settings@phone")).steps
    assert [step["do"] for step in steps][1::2] == [
        'Move to the button "Save".',
        'Move to the button "Save" on settings@phone.',
    ]


@pytest.mark.parametrize(
    "name",
    [r"\x1b[31m red", "‮evil", "a\\nb", "x" * 5_000, "日本語", "'; --", "{{x}}", "\\ud800", "", " "],
    ids=["escape", "override", "line end", "endless", "japanese", "quotes", "braces", "half a pair", "empty", "blank"],
)
def test_whatever_a_page_calls_its_things_the_file_is_a_sweep(name: str) -> None:
    proposal = proposed(seen(f"- 'button \"{name.replace(chr(39), chr(39) * 2)}\"'", title=name))
    text = sweep_text("Title", ["a@b"], "NVDA", proposal, "run 1")
    (_, step) = read_sweep(text.encode()).steps
    assert (step.criterion, step.do.startswith("Move to the button")) == ("4.1.2", True)


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        ("- &a button\n- *a\n- main", "an alias"),
        ("- !!python/name:os.system\n- main", "a tag"),
        ("[" * 100_000, "not YAML"),
        ("", "it names no element: it is empty"),
        ("# not to be had: Timeout 3000ms exceeded", "it names no element: # not to be had: Timeout"),
        ("#" * 1_000_001, "at most 1,000,000 are read"),
        ("- button\n" * 5_001, "more than 5,000 elements"),
    ],
)
def test_a_hostile_snapshot_is_refused_in_words(snapshot: str, says: str) -> None:
    with pytest.raises(BadFileError) as refused:
        proposed(seen(snapshot))
    assert says in str(refused.value)
    assert "the ARIA snapshot of dashboard@desktop cannot be read" in str(refused.value)


def test_a_deep_page_is_read() -> None:
    snapshot = "".join(f"{'  ' * depth}- list:\n" for depth in range(60)) + f'{"  " * 60}- button "Deep"\n'
    assert read_snapshot(snapshot.encode())[-1].name == "Deep"


def test_a_snapshot_that_was_cut_off_is_read_up_to_its_last_whole_line() -> None:
    snapshot = b'- main:\n  - button "Save"\n  - button "Canc'
    assert [item.name for item in read_snapshot(snapshot)] == ["", "Save"]
