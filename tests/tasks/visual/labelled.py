"""A page with everything a release breaks, and labelled ways to break it; drawn by Chromium, one browser for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tasks.doors.chromium import find_chromium

DESKTOP, PHONE = (1000, 700), (390, 700)

PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Tidemark</title><style>
* { box-sizing: border-box } body { margin: 0; font: 14px/20px sans-serif; color: #111827; background: #fff }
header { display: flex; gap: 24px; align-items: center; padding: 12px 24px; border-bottom: 1px solid #e5e7eb }
main { padding: 24px } .cards { display: flex; gap: 16px; flex-wrap: wrap }
.card { width: 200px; padding: 16px; border: 1px solid #2563eb; border-radius: 6px }
.card b { display: block; font-size: 28px; line-height: 36px } a { color: #2563eb }
button { border: 0; background: #2563eb; color: #fff; padding: 8px 16px; border-radius: 4px; font: inherit }
table { border-collapse: collapse; margin-top: 24px; width: 100% }
td { padding: 6px; border-bottom: 1px solid #e5e7eb } .note { width: 260px; overflow: hidden; margin: 16px 0 }
.pictures { display: flex; gap: 12px; margin: 16px 0 } canvas { width: 160px; height: 100px }
.menu { position: absolute; left: 300px; top: 170px; width: 120px; height: 60px; background: #f3f4f6; z-index: 2 }
.badge { position: absolute; left: 340px; top: 190px; width: 120px; height: 24px; background: #fde68a; z-index: 1 }
@media (max-width: 500px) { .cards { flex-direction: column } .menu, .badge { display: none } }
</style><header><svg id=icon width=20 height=20><circle cx=10 cy=10 r=8 fill="none" stroke="#2563eb" stroke-width=2 />
</svg><strong>Tidemark</strong><a id=link href="#">All approvals</a><button id=action>Approve</button></header>
<main><h1 id=title>Impact this quarter</h1><div class=cards>
<div class=card id=card>Saved<b id=figure>1,204</b>hours</div><div class=card>Open<b>17</b>requests</div></div>
<div class=menu>Menu</div><div class=badge></div>
<p class=note id=note>Every request is answered by a person within two working days.</p>
<div class=pictures><canvas id=one width=160 height=100></canvas><canvas id=two width=160 height=100></canvas></div>
<table id=rows></table></main><script>
const rows = document.getElementById('rows');
for (let n = 1; n <= 70; n++)
  rows.insertRow().innerHTML = `<td>Request ${n}</td><td>Unit ${n % 7}</td><td>${n * 37}</td>`;
for (const [id, hue] of [['one', 200], ['two', 20]]) {
  const paper = document.getElementById(id).getContext('2d');
  for (let x = 0; x < 160; x++) for (let y = 0; y < 100; y++) {
    paper.fillStyle = `hsl(${hue + 30 * Math.sin(x / 9) + (x * 7 + y * 13) % 11} 60% ${50 + 20 * Math.sin(y / 13)}%)`;
    paper.fillRect(x, y, 1, 1);
  }
}
</script></html>"""

REGRESSIONS: dict[str, str] = {
    "one letter": "rows.rows[3].cells[0].textContent = 'Requesf 4'",
    "moved by one pixel": "action.style.cssText = 'position: relative; left: 1px'",
    "moved down by one pixel": "card.style.cssText = 'position: relative; top: 1px'",
    "close colour of a button": "action.style.background = '#1d4ed8'",
    "close colour of a border of one pixel": "card.style.borderColor = '#1d4ed8'",
    "close colour of a line of one pixel": "document.querySelector('header').style.borderColor = '#e2e4e9'",
    "close colour of a text": "link.style.color = '#1d4ed8'",
    "close grey of a text": "title.style.color = '#1a2130'",
    "close colour of a thin icon": "icon.firstElementChild.style.stroke = '#1d4ed8'",
    "clipped text": "note.style.height = '12px'; note.style.marginBottom = '24px'",
    "missing icon": "icon.style.visibility = 'hidden'",
    "swapped images": "const o = document.getElementById('one'); o.parentNode.append(o)",
    "changed figure": "figure.textContent = '1,264'",
    "changed figure far down a long page": "rows.rows[66].cells[2].textContent = '2478'",
    "overlap by z-index": "document.querySelector('.badge').style.zIndex = 3",
    "letter-spacing": "title.style.letterSpacing = '.2px'",
    "opacity": "document.querySelector('.cards').style.opacity = .95",
    "font weight": "note.style.fontWeight = 500; note.style.fontWeight = 'bold'",
    "italics": "link.style.fontStyle = 'italic'",
    "missing underline": "link.style.textDecoration = 'none'",
    "rounder corners": "action.style.borderRadius = '6px'",
    "a border of a pixel is gone": "card.style.borderColor = 'transparent'",
    "a pale line is gone": "rows.rows[5].cells[1].style.borderColor = 'transparent'",
    "a very pale line appears": "note.style.boxShadow = '0 1px #f4f5f7'",
    "paler background": "document.body.style.background = '#fcfcfd'",
    "a row is gone": "rows.deleteRow(30)",
    "two rows are swapped": "rows.rows[20].before(rows.rows[21])",
    "full stop is gone": "note.textContent = note.textContent.replace('.', '')",
    "text of the same width": "rows.rows[9].cells[2].textContent = '307'",
}
"""Label -> what a release did to the page."""

SHIFTS: dict[str, tuple[str, int]] = {
    "more space above everything": ("document.querySelector('main').style.paddingTop = '40px'", 16),
    "less space above the table": ("rows.style.marginTop = '17px'", -7),
}
"""Label -> what was done, and how many rows the page grew by: nothing but empty rows."""

PHONE_ONLY = (
    "document.head.insertAdjacentHTML('beforeend',"
    " '<style>@media (max-width: 500px) { .card { margin-left: 30px } }</style>')"
)
"""A rule that only phones obey."""

BANNER = (
    "document.querySelector('header').insertAdjacentHTML('afterend',"
    " '<div style=\"background:#fef3c7;padding:12px 24px\">Maintenance tonight</div>')"
)
"""44 rows that push everything down."""


class Camera:
    """Takes full-page pictures of the page, broken or not."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def shoot(self, script: str = "", size: tuple[int, int] = DESKTOP, html: str = PAGE) -> bytes:
        """A picture of the page after a script changed it."""
        page = self._browser.new_page(viewport={"width": size[0], "height": size[1]})
        try:
            page.set_content(html)
            page.evaluate(f"() => {{ {script} }}")
            return page.screenshot(full_page=True)
        finally:
            page.close()


@contextmanager
def camera() -> Iterator[Camera]:
    """A camera with a browser of its own."""
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=sandbox)
        try:
            yield Camera(browser)
        finally:
            browser.close()
