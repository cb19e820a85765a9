"""The page, opened as a release manager opens it: from file://, offline, in Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from evidence_store.model import Manifest
from evidence_store.report.page import render
from evidence_store.report.story import tell
from tasks.doors.chromium import find_chromium
from tests.report import red
from tests.report.sample import failed, manifest, no_go, passed, picture_paths, results, write_bag
from tests.report.test_hostile_text import NASTY, run_with

KINDS = ("no-go", "go", "incomplete", "doubtful", "first")


def wide(subjects: int) -> Manifest:
    """A run of two checks over many page states, every tenth of which fails."""
    states = [f"page-{place}@desktop" for place in range(subjects // 2)]
    found = {
        check: [
            failed(state, f"{place} things are wrong", rule="one", element=f"#row-{place}", measured=place, limit=1.0)
            if place % 10 == 0
            else passed(state, "nothing is wrong", f"{place} nodes")
            for place, state in enumerate(states)
        ]
        for check in ("axe", "page-health")
    }
    return manifest("no-go", results=results(found), expected={"axe": states, "page-health": states}, waivers=())


def test_five_hundred_subjects_are_told_within_two_seconds() -> None:
    told = wide(500)
    render(manifest("go"), ())  # the template is read once
    began = time.perf_counter()
    html = render(told, ())
    assert time.perf_counter() - began < 2
    assert html.count('class="subject"') == 500


def test_every_expected_subject_stands_on_the_page() -> None:
    told = manifest("no-go")
    html = render(told, picture_paths(told))
    assert html.count('class="subject"') == len(told.decision.subjects)


def test_the_page_brings_everything_with_it() -> None:
    told = manifest("no-go")
    html = render(told, picture_paths(told))
    assert not re.findall(r"<(?:link rel=\"stylesheet|script src|iframe|object)", html)
    assert re.findall(r"default-src &#39;none&#39;; img-src", html)
    assert "unsafe" not in html.partition("</head>")[0]


def test_a_picture_that_is_not_in_the_bag_is_named_and_not_loaded() -> None:
    html = render(manifest("no-go"), ["run.json"])
    assert "<code>data/visual/approvals@phone/diff.png</code> is not in this package" in html
    assert "<img" not in html


def test_exports_that_are_in_the_package_are_linked_in_words() -> None:
    path = "data/exports/wcag-coverage.json"
    assert f'href="./{path}"' in render(manifest("go"), [path])
    assert "data/exports" not in render(manifest("go"), [])


def test_an_export_that_failed_is_not_passed_over() -> None:
    html = render(manifest("go"), ["data/exports/openacr.yaml.problem.txt"])
    assert 'href="./data/exports/openacr.yaml.problem.txt"' in html
    assert "why this one could not be written" in html


def test_a_path_with_odd_characters_leads_to_that_file_alone() -> None:
    told = manifest("go")
    html = render(told, ["data/sweep/a#b?c%20\"d'@phone/screenshot.png"])
    assert 'src="./data/sweep/a%23b%3Fc%2520%22d%27@phone/screenshot.png"' in html


def test_known_findings_and_stale_answers_stand_next_to_waivers() -> None:
    html = render(manifest("no-go"), ())
    waivers = html[html.index('<section id="waivers"') : html.index('<section id="changes"')]
    for words in ("Known findings", "Fixed, still listed", "Not scanned", "Expired", "Answered, no longer asked"):
        assert words in waivers
    assert "Answers of people" not in render(manifest("go"), ())


def test_a_fingerprint_names_one_place() -> None:
    found = no_go()
    found["axe"] += [found["axe"][0], found["axe"][0]]
    html = render(manifest("no-go", results=results(found)), ())
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_every_link_within_the_page_has_its_place() -> None:
    for kind in KINDS:
        html = render(manifest(kind), ())
        assert set(re.findall(r'href="#([^"]+)"', html)) <= set(re.findall(r' id="([^"]+)"', html))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page opened from its bag, with all it complained of and asked for."""

    def __init__(self, page: Page, bag: Path) -> None:
        self.page = page
        self.bag = bag
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def go(self, anchor: str = "") -> Page:
        self.page.goto(f"{(self.bag / 'index.html').as_uri()}{anchor}")
        return self.page

    def outside(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((self.bag.as_uri(), "data:,"))]


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        told = manifest(kind)
        (folder / "index.html").write_text(render(told, write_bag(folder, told)), encoding="utf-8")
        folders[kind] = folder
    return folders


@pytest.fixture
def opened(browser: Browser, bags: dict[str, Path]) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Opened(context.new_page(), bags["no-go"])
    context.close()


@pytest.mark.real
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_opens_quietly_and_is_accessible(
    browser: Browser, bags: dict[str, Path], kind: str, scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    opened = Opened(context.new_page(), bags[kind])
    page = opened.go()
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    found = Axe().run(page).response["violations"]
    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert [(rule["id"], [node["target"] for node in rule["nodes"]][:3]) for rule in found] == []
    assert too_wide <= 0
    assert opened.complaints == []
    assert opened.outside() == []


@pytest.mark.real
@pytest.mark.parametrize("mode", ["Slider", "Flicker"])
def test_comparing_pictures_stays_accessible(opened: Opened, mode: str) -> None:
    page = opened.go()
    page.locator("#blocks .pictures.several").get_by_role("button", name=mode).click()
    assert Axe().run(page).response["violations"] == []
    assert opened.complaints == []


@pytest.mark.real
def test_the_slider_moves_by_keyboard(opened: Opened) -> None:
    page = opened.go()
    pictures = page.locator("#blocks .pictures.several")
    pictures.get_by_role("button", name="Slider").press("Enter")
    slider = pictures.get_by_role("slider")
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "100 % baseline, 0 % now"
    slider.press("ArrowLeft")
    top = pictures.locator(".pair img").nth(1)
    assert top.evaluate("image => image.style.clipPath") == "inset(0px 0px 0px 99%)"


@pytest.mark.real
def test_flicker_stops_on_demand_and_waits_where_motion_is_unwelcome(browser: Browser, bags: dict[str, Path]) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = Opened(context.new_page(), bags["no-go"]).go()
    pictures = page.locator("#blocks .pictures.several")
    pictures.get_by_role("button", name="Flicker").click()
    top = pictures.locator(".pair img").nth(1)
    top.wait_for()  # a picture has no size before it is loaded
    seen = [top.is_visible()]
    page.wait_for_timeout(900)
    seen.append(top.is_visible())
    pictures.get_by_role("button", name="Swap").click()
    seen.append(top.is_visible())
    pictures.get_by_role("button", name="Play").click()
    pictures.locator(".stage", has_text="Now").wait_for()
    pictures.get_by_role("button", name="Pause").click()
    context.close()
    assert seen == [True, True, False]


@pytest.mark.real
def test_filter_by_outcome_check_and_words(opened: Opened) -> None:
    page = opened.go()
    shown = page.locator("#filter-found")
    assert shown.inner_text() == "42 subjects"
    page.get_by_role("button", name="Fail", exact=True).click()
    page.get_by_text("8 of 42 subjects shown").wait_for()
    page.get_by_label("Check", exact=True).select_option(label="axe")
    page.get_by_text("6 of 42 subjects shown").wait_for()
    page.get_by_label("Search").fill("dashboard CONTRAST")
    page.get_by_text("2 of 42 subjects shown").wait_for()
    assert page.locator(".subject:visible").count() == 2
    page.get_by_role("button", name="Show all").click()
    assert shown.inner_text() == "42 subjects"


@pytest.mark.real
def test_a_warning_is_found_although_its_subject_passes(opened: Opened) -> None:
    page = opened.go()
    page.get_by_role("button", name="Warning", exact=True).click()
    page.get_by_text("1 of 42 subjects shown").wait_for()
    assert page.locator(".subject:visible .name").inner_text() == "settings@phone"


@pytest.mark.real
def test_a_deep_link_opens_its_finding_even_when_it_is_folded_or_filtered_away(opened: Opened) -> None:
    told = manifest("no-go")
    folded = next(result for result in told.results if result.check == "journeys").findings[0].fingerprint
    page = opened.go(f"#f={folded}")
    target = page.locator(f'[id="f={folded}"]')
    assert target.is_visible()
    assert target.evaluate("place => place === document.activeElement")
    page.wait_for_load_state("networkidle")
    middle = target.evaluate("place => place.getBoundingClientRect().top")
    assert 0 < middle < 900
    page.get_by_role("button", name="Fail", exact=True).click()
    assert not target.is_visible()
    page.evaluate("location.hash = ''")
    page.evaluate("hash => { location.hash = hash }", f"#f={folded}")
    target.wait_for(state="visible")


@pytest.mark.real
def test_the_keyboard_reaches_the_report_first(opened: Opened) -> None:
    page = opened.go()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.real
def test_everything_can_be_read_without_javascript(browser: Browser, bags: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((bags["no-go"] / "index.html").as_uri())
    verdict = page.locator("h1").inner_text()
    filters = page.locator("#filter").is_visible()
    folded = page.locator("details.check").first.locator(".subject").first
    seen = [folded.is_visible()]
    page.locator("details.check > summary").first.click()
    seen.append(folded.is_visible())
    context.close()
    assert verdict.startswith("NO-GO")
    assert not filters
    assert seen == [False, True]


@pytest.mark.real
@pytest.mark.parametrize("text", NASTY)
def test_hostile_text_is_shown_and_does_nothing(browser: Browser, tmp_path: Path, text: str) -> None:
    told = run_with(text)
    (tmp_path / "index.html").write_text(render(told, ()), encoding="utf-8")
    context = browser.new_context()
    opened = Opened(context.new_page(), tmp_path)
    page = opened.go()
    page.get_by_label("Search").fill(text[:20])
    page.wait_for_timeout(150)
    scripts = page.locator("script").count()
    context.close()
    assert scripts == 1
    assert opened.complaints == []
    assert opened.outside() == []


@pytest.mark.real
def test_a_wide_run_opens_and_filters_quickly(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(render(wide(5_000), ()), encoding="utf-8")
    context = browser.new_context()
    opened = Opened(context.new_page(), tmp_path)
    began = time.perf_counter()
    page = opened.go()
    page.get_by_label("Search").fill("page-77@")
    page.get_by_text("2 of 5,000 subjects shown").wait_for()
    seconds = time.perf_counter() - began
    context.close()
    assert seconds < 10
    assert opened.complaints == []


def test_the_gallery_shows_thumbnails_and_leads_to_the_screenshots() -> None:
    """Hundreds of whole screenshots would take minutes to open."""
    told, folder = manifest("go"), "data/sweep/home@phone"
    html = render(told, [f"{folder}/screenshot.png", f"{folder}/thumbnail.webp"])
    assert f'<a href="./{folder}/screenshot.png"><img src="./{folder}/thumbnail.webp"' in html


# -- the worst of days ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def red_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _red_bag(tmp_path_factory.mktemp("red"), red.all_red())


def _red_bag(folder: Path, told: Manifest) -> Path:
    (folder / "index.html").write_text(render(told, red.write_bag(folder, told)), encoding="utf-8")
    return folder


@contextmanager
def _opened_red(browser: Browser, bag: Path, width: int = 1280) -> Iterator[Opened]:
    with browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce") as context:
        yield Opened(context.new_page(), bag)


@pytest.fixture
def red_page(browser: Browser, red_bag: Path) -> Iterator[Opened]:
    with _opened_red(browser, red_bag) as opened:
        yield opened


@pytest.mark.real
@pytest.mark.parametrize(("width", "most"), [(1280, 12_000), (390, 20_000)])
def test_a_run_that_is_red_all_over_fits_a_few_screens(red_page: Opened, width: int, most: int) -> None:
    page = red_page.go()
    page.set_viewport_size({"width": width, "height": 900})
    height = page.evaluate("document.documentElement.scrollHeight")
    loaded = page.evaluate("[...document.images].filter(image => image.complete && image.naturalWidth).length")
    assert height < most
    assert loaded < 100 < page.evaluate("document.images.length")


@pytest.mark.real
def test_the_index_says_on_one_screen_what_is_wrong_and_leads_to_it(red_page: Opened) -> None:
    page = red_page.go()
    index = page.get_by_role("navigation", name="What is wrong")
    rows = index.get_by_role("listitem")
    box = index.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900
    assert rows.count() == 9
    assert "500 of 500 subjects, 42 causes" in rows.first.inner_text()
    rows.last.get_by_role("link").press("Enter")
    assert page.evaluate("document.activeElement.textContent").startswith("Every service says it is ready")


@pytest.mark.real
def test_nothing_of_a_red_run_is_lost_in_its_folds(red_page: Opened) -> None:
    told = tell(red.all_red())
    page = red_page.go()
    text = page.evaluate("document.getElementById('blocks').textContent")
    fingerprints = set(page.evaluate("[...document.querySelectorAll('#blocks a[href^=\"#f=\"]')].map(a => a.hash)"))
    assert [cause.headline for cause in told.blocks if cause.headline not in text] == []
    assert {f"#f={look.fingerprint}" for cause in told.blocks for look in cause.looks} == fingerprints


@pytest.mark.real
def test_a_fold_opens_by_keyboard(red_page: Opened) -> None:
    page = red_page.go()
    fold = page.locator("#blocks .rest > summary").first
    beyond = page.locator("#blocks .rest .entry").first
    seen = [beyond.is_visible()]
    assert fold.inner_text() == "and 39 more causes"
    fold.press("Enter")
    seen.append(beyond.is_visible())
    assert seen == [False, True]


@pytest.mark.real
def test_a_place_leads_into_a_fold(red_page: Opened) -> None:
    page = red_page.go()
    link = page.locator("#blocks .entry[open] a[href^='#f=']").first
    place = page.locator(f"[id='{(link.get_attribute('href') or '')[1:]}']")
    seen = [place.is_visible()]
    link.press("Enter")
    place.wait_for(state="visible")
    assert seen == [False]


@pytest.mark.real
def test_a_link_opens_the_fold_of_its_finding_even_without_javascript(browser: Browser, red_bag: Path) -> None:
    """As a browser opens folds for its own search in a page: nothing is hidden in another way."""
    report = (red_bag / "index.html").as_uri()
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(report)
    link = page.locator("#blocks .rest a[href^='#f=']").last.get_attribute("href") or ""
    place = page.locator(f"[id='{link[1:]}']")
    seen = [place.is_visible()]
    page.goto("about:blank")
    page.goto(f"{report}{link}")
    place.wait_for(state="visible")
    top = place.evaluate("place => place.getBoundingClientRect().top")
    context.close()
    assert seen == [False]
    assert 0 <= top < 900


@pytest.mark.real
def test_paper_shows_what_is_folded_even_without_javascript(browser: Browser, red_bag: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto((red_bag / "index.html").as_uri())
    folded = page.locator("#blocks .rest .entry .places").last
    seen = [folded.is_visible()]
    page.emulate_media(media="print")
    seen.append(folded.is_visible())
    context.close()
    assert seen == [False, True]


@pytest.mark.real
def test_after_printing_the_page_is_folded_as_before(red_page: Opened) -> None:
    page = red_page.go()
    open_now = "document.querySelectorAll('details[open]').length"
    before = page.evaluate(open_now)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = page.evaluate("document.querySelectorAll('details:not([open])').length")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert printed == 0
    assert page.evaluate(open_now) == before


@pytest.mark.real
@pytest.mark.parametrize("width", [1280, 390])
def test_a_folded_page_is_accessible(browser: Browser, tmp_path: Path, width: int) -> None:
    """A fifth of the red run: it has every kind of fold, and the whole of it keeps axe busy for a minute."""
    with _opened_red(browser, _red_bag(tmp_path, red.all_red(red.PAGES[::5])), width) as folded:
        page = folded.go()
        assert page.evaluate("document.querySelectorAll('details:not([open])').length") > 100
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["target"] for node in rule["nodes"]][:3]) for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert folded.complaints == []
