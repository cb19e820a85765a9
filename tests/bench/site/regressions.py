"""Labelled regressions: what a release could break, each on exactly one page, most of them small."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tasks.plan import nearest


class UnknownRegressionError(ValueError):
    """There is no regression of that name."""


@dataclass(frozen=True)
class Regression:
    """A change of one page: a rule of style added to it, or a text of its source replaced once."""

    page: str
    what: str
    css: str = ""
    before: str = ""
    after: str = ""
    viewport: str = "desktop"
    """Where it shows."""

    def apply(self, source: str) -> str:
        """The page's source with the regression in it; raises ValueError when there is nothing to change."""
        if self.css:
            return source.replace("</head>", f"<style>{self.css}</style></head>", 1)
        if self.before not in source:
            raise ValueError(f"page '{self.page}' holds no {self.before!r}")
        return source.replace(self.before, self.after, 1)


REGRESSIONS: Final[dict[str, Regression]] = {
    "one-letter": Regression("report", "one letter of a heading", before="<h1>Report", after="<h1>Repert"),
    "one-pixel": Regression(
        "about", "a card lies 1 px lower", css=".cards article:nth-child(2){position:relative;top:1px}"
    ),
    "button-colour": Regression("product", "a button in a neighbouring blue", css=".call button{background:#1d4ed8}"),
    "border-colour": Regression(
        "contact", "a field's 1 px border, slightly darker", css="form input[name=name]{border-color:#6f7c8f}"
    ),
    "text-colour": Regression("story", "paragraphs in a neighbouring grey", css=".article p{color:#3d4b61}"),
    "shift": Regression("docs", "everything below the heading 16 px lower", css="main>h1{padding-bottom:16px}"),
    "banner": Regression(
        "home",
        "a banner above the page",
        before='<main id="content">',
        after='<p class="banner">Maintenance on Sunday from six to eight.</p><main id="content">',
    ),
    "phone-only": Regression(
        "pricing",
        "the page is too wide on a phone",
        viewport="phone",
        css="@media (max-width:600px){.price-list{display:flex;width:900px}}",
    ),
    "clipped-text": Regression("events", "card titles are cut off", css=".cards h3{height:15px;overflow:hidden}"),
    "missing-icon": Regression(
        "status", "the icon of one service is gone", css=".services li:nth-child(2) svg{visibility:hidden}"
    ),
    "swapped-image": Regression(
        "gallery",
        "one photograph of 30 is another one",
        css=".gallery figure:nth-child(8) img{content:url(/photos/31-640x480.jpg)}",
    ),
    "chart-figure": Regression(
        "dashboard", "one bar of a chart is 3 of 100 lower", before='data-off="0"', after='data-off="3"'
    ),
    "removed-row": Regression("ledger", "row 120 of 190 is missing", css="tbody tr:nth-child(120){display:none}"),
    "overlap": Regression("compare", "the first column lies under the others", css=".wide th[scope=row]{z-index:-1}"),
    "letter-spacing": Regression("blog", "headings a fifth of a pixel wider", css=".teasers h3{letter-spacing:.2px}"),
    "opacity": Regression(
        "careers", "one photograph at .95 opacity", css=".cards article:nth-child(4) img{opacity:.95}"
    ),
    "font-missing": Regression("help", "the web font does not load", css='body{font-family:"Not there",serif}'),
}


def parse_regressions(names: Iterable[str]) -> frozenset[str]:
    """Names out of comma-separated lists; `all` is every one. Raises UnknownRegressionError."""
    wanted = {name.strip() for text in names for name in text.split(",") if name.strip()}
    if "all" in wanted:
        return frozenset(REGRESSIONS)
    for name in sorted(wanted - REGRESSIONS.keys()):
        raise UnknownRegressionError(f"no regression '{name}'{nearest(name, set(REGRESSIONS))}")
    return frozenset(wanted)
