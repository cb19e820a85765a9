"""What every tool is to look at: pages in viewports of one site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from tests.bench.site import KINDS, LIVE, REGRESSIONS, SitePage, site_pages

VIEWPORTS = {"desktop": (1280, 800), "phone": (390, 844)}


@dataclass(frozen=True)
class Screen:
    """One page in one viewport."""

    page: SitePage
    viewport: str = "desktop"

    @property
    def name(self) -> str:
        """As in our subjects: `dashboard@desktop`."""
        return f"{self.page.name}@{self.viewport}"


def desktop_screens(pages: int = len(KINDS)) -> list[Screen]:
    """So many pages at 1280 x 800."""
    return [Screen(page) for page in site_pages(pages)]


def screens_with_phone() -> list[Screen]:
    """The 20 pages at 1280 x 800, and on the phone those that a regression breaks only there."""
    phones = {regression.page for regression in REGRESSIONS.values() if regression.viewport == "phone"}
    return desktop_screens() + [Screen(page, "phone") for page in site_pages() if page.name in phones]


def regressed(screens: list[Screen]) -> dict[str, str]:
    """Regression -> the screen it shows on."""
    names = {screen.name for screen in screens}
    shows = {name: f"{regression.page}@{regression.viewport}" for name, regression in REGRESSIONS.items()}
    return {name: screen for name, screen in shows.items() if screen in names}


def write_plan(folder: Path, url: str, screens: list[Screen]) -> Path:
    """Our plan for these screens: visual, axe and page-health."""
    viewports: dict[str, list[str]] = {}
    for screen in screens:
        viewports.setdefault(screen.page.name, []).append(screen.viewport)
    used = {screen.viewport for screen in screens}
    content = {
        "schema": 1,
        "target": {
            "name": "bench",
            "base_url": url,
            "allowed_hosts": ["127.0.0.1"],
            "release": {"url": "/version.json", "pointer": "/commit"},
        },
        "viewports": {name: {"width": size[0], "height": size[1]} for name, size in VIEWPORTS.items() if name in used},
        "pages": [
            {
                "name": page.name,
                "path": page.path,
                "viewports": viewports[page.name],
                "must_show": [page.title],
                "mask": [LIVE] if page.shows_time else [],
            }
            for page in dict.fromkeys(screen.page for screen in screens)
        ],
        "checks": {"page-health": {}, "visual": {}, "axe": {}},
    }
    path = folder / "bench.toml"
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    return path
