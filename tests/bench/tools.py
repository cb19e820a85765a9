"""Ours and its peers behind one face: prepare (not timed), a command (timed), and a reading of its own report.

A tool's report says which screens it really checked. A screen that its report does not name, or names with an error in
place of a result, was not checked, so that a tool that failed to start is never taken for a fast one.

Peers come from the npm registry into a folder that git ignores (exact versions below, no lock file, no install scripts,
no browser downloads). Without node and npm they are not measured. Two ways to compare, told apart in every table:

- like ours: all that can drive the Chromium of our own checks, as many pages at a time. What the tools themselves do;
- as documented: with the browser and the number of pages at a time that a user gets who follows their documentation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from flows.run_settings import REPOSITORY
from tasks.doors.chromium import candidates, find_chromium
from tasks.sweep.axe_scan import GATING_TAGS
from tests.bench.screens import VIEWPORTS, Screen, write_plan
from tests.bench.site import LIVE

VERSIONS = {"backstopjs": "6.3.25", "@playwright/test": "1.65.1", "pa11y-ci": "4.1.1", "@axe-core/cli": "4.13.0"}
NO_DOWNLOADS = {
    "PUPPETEER_SKIP_DOWNLOAD": "1",
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
    "npm_config_update_notifier": "false",
    "CI": "1",
}
AT_A_TIME = max(2, os.cpu_count() or 1)
"""Pages a peer looks at together: as many as our own sweep may."""
UNSTABLE = "the page never stood still"
"""How our visual judge calls a page of which no two frames were equal."""
PAGE_TIMEOUT_MS = 90_000
"""Long, because a peer that gives up on a busy machine would only be counted out."""
STILL_TIMEOUT_MS = 30_000
"""How long Playwright Test may wait for two equal pictures (its default is 5 s); not to have got them is an alarm."""


@dataclass(frozen=True)
class Reading:
    """What a tool's report says."""

    passed: Mapping[str, bool]
    """Screen really checked -> whether it passed."""
    problem: str = ""
    """Why the report cannot be relied on."""
    details: Mapping[str, Any] | None = None

    def not_passed(self) -> list[str]:
        """Screens that were checked and did not pass."""
        return sorted(name for name, passed in self.passed.items() if not passed)


class Tool(ABC):
    """One way to check all screens of a site."""

    name: ClassVar[str]
    is_visual: ClassVar[bool] = True

    def __init__(self, folder: Path, url: str, screens: Sequence[Screen], *, documented: bool = False) -> None:
        self.folder = folder / self.name
        self.url = url
        self.screens = list(screens)
        self.documented = documented
        """Set up as its documentation does; else as much like ours as it allows."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    version: str = ""

    documented_with_whole_chromium: ClassVar[bool] = False

    @classmethod
    def lacks(cls, *, documented: bool) -> str:
        """What this machine has not and the tool needs, besides its package; empty when nothing."""
        return "no whole Chromium" if documented and cls.documented_with_whole_chromium and not whole_chromium() else ""

    def chromium(self) -> Path:
        """The browser it is to drive."""
        whole = whole_chromium() if self.documented and self.documented_with_whole_chromium else None
        return whole or find_chromium()

    @abstractmethod
    def configure(self) -> None:
        """Write the configuration."""

    def approve_command(self) -> list[str] | None:
        """What takes the pictures that later runs are compared with; None for a tool without any."""
        return None

    @abstractmethod
    def command(self) -> list[str]:
        """What is measured."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables for both commands."""
        return dict(NO_DOWNLOADS)

    @property
    def cwd(self) -> Path:
        """Where both commands run."""
        return self.folder

    @abstractmethod
    def report(self) -> Path:
        """The file that the tool writes and `read` reads."""

    def forget(self) -> None:
        """Remove the report of an earlier run: it must not speak for the next one."""
        self.report().unlink(missing_ok=True)

    def read(self) -> Reading:
        """What the last run checked; a report that is missing or no JSON is a problem."""
        try:
            content = json.loads(self.report().read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            return Reading({}, f"no report: {error}")
        return self.reading(content)

    @abstractmethod
    def reading(self, content: Any) -> Reading:
        """What a report says."""

    def _write(self, name: str, content: Any) -> Path:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
        return path


class Stageproof(Tool):
    """Our sweep: visual, axe and page-health from one visit a page."""

    name = "stageproof"

    def configure(self) -> None:
        """The plan."""
        write_plan(self.folder, self.url, self.screens)
        self.version = "this tree"

    def _command(self, *more: str) -> list[str]:
        plan, home = str(self.folder / "bench.toml"), str(self.folder / "home")
        return [sys.executable, "-m", "tests.bench.ours", plan, "--home", home, "--result", str(self.report()), *more]

    def approve_command(self) -> list[str]:
        """A run whose pictures are all approved."""
        return self._command("--approve")

    def command(self) -> list[str]:
        """A run against approved pictures."""
        return self._command()

    @property
    def environment(self) -> dict[str, str]:
        """Baselines of its own."""
        return {"STAGEPROOF_BASELINES": str(self.folder / "baselines")}

    @property
    def cwd(self) -> Path:
        """The repository, so that its packages are found."""
        return REPOSITORY

    def report(self) -> Path:
        """Written by `tests.bench.ours`."""
        return self.folder / "result.json"

    def reading(self, content: Any) -> Reading:
        """A screen counts as checked when all three checks judged it; it passed when visual did."""
        outcomes = content["outcomes"]
        judged = [
            screen.name
            for screen in self.screens
            if all(outcomes[check].get(screen.name) in {"pass", "fail", "review"} for check in outcomes)
        ]
        details = {key: content[key] for key in ("rules", "gather_seconds", "judge_seconds")}
        details["reasons"] = {
            f"{check} {name}": content["reasons"][check][name]
            for check in ("visual", "page-health")
            for name, outcome in outcomes[check].items()
            if outcome != "pass"
        }
        passed = {name: outcomes["visual"][name] == "pass" for name in judged}
        # A page that was found unstable was looked at: a false alarm. Every other error is a page not checked.
        visual, reasons = outcomes["visual"], content["reasons"]["visual"]
        unstable = {name for name, outcome in visual.items() if outcome == "error" and UNSTABLE in reasons[name]}
        passed |= {screen.name: False for screen in self.screens if screen.name in unstable}
        return Reading(passed, "; ".join(content["problems"]), details)


class _Backstop(Tool):
    """BackstopJS, as its documentation sets it up, with the report for machines alone."""

    engine: ClassVar[str]

    def configure(self) -> None:
        """One scenario a page; what moves is hidden by its own option."""
        # Puppeteer's own browser is the whole Chrome, and so is what `backstop init` and its documentation end with.
        chromium = self.chromium()
        browser = {"executablePath": str(chromium), "args": _sandbox()}
        self._write(
            "backstop.json",
            {
                "id": "bench",
                "viewports": [_backstop_viewport("desktop")],
                "scenarios": [
                    {
                        "label": screen.page.name,
                        "url": self.url + screen.page.path,
                        "selectors": ["document"],
                        "hideSelectors": [LIVE],
                        "viewports": [_backstop_viewport(screen.viewport)],
                    }
                    for screen in self.screens
                ],
                "paths": {
                    "bitmaps_reference": "reference",
                    "bitmaps_test": "test",
                    "engine_scripts": "scripts",
                    "html_report": "html",
                    "json_report": "json",
                    "ci_report": "ci",
                },
                "report": ["json"],
                "engine": self.engine,
                "engineOptions": browser,
                "asyncCaptureLimit": 5 if self.documented else AT_A_TIME,  # 5: what `backstop init` writes
                "asyncCompareLimit": 50,
                "misMatchThreshold": 0.1,
            },
        )
        self.version = f"backstopjs {_installed('backstopjs')}"

    def approve_command(self) -> list[str]:
        """Its reference pictures."""
        return [*_node("backstopjs/cli/index.js"), "reference", "--config=backstop.json"]

    def command(self) -> list[str]:
        """Pictures, compared with the references."""
        return [*_node("backstopjs/cli/index.js"), "test", "--config=backstop.json"]

    def report(self) -> Path:
        """Its report for machines."""
        return self.folder / "json" / "jsonReport.json"

    def forget(self) -> None:
        """The pictures of an earlier run go too: a hundred runs would fill the disk."""
        super().forget()
        shutil.rmtree(self.folder / "test", ignore_errors=True)

    def reading(self, content: Any) -> Reading:
        """A pair with an engine error or without a second picture was not checked."""
        passed = {}
        for test in content["tests"]:
            pair = test["pair"]
            if not pair.get("engineErrorMsg") and pair.get("test") and (self.folder / "json" / pair["test"]).exists():
                passed[f"{pair['label']}@{pair['viewportLabel']}"] = test["status"] == "pass"
        return Reading(passed)


class BackstopPuppeteer(_Backstop):
    """With its default engine."""

    name = "backstop"
    engine = "puppeteer"
    documented_with_whole_chromium = True


class BackstopPlaywright(_Backstop):
    """With its other engine."""

    name = "backstop-playwright"
    engine = "playwright"


def _backstop_viewport(name: str) -> dict[str, Any]:
    width, height = VIEWPORTS[name]
    return {"label": name, "width": width, "height": height}


class PlaywrightTest(Tool):
    """Playwright Test with `toHaveScreenshot`, a test a screen, two at a time."""

    name = "playwright-test"

    def configure(self) -> None:
        """Tests and configuration; `node_modules` must lie above a test for its imports."""
        screens = [
            {
                "name": screen.name,
                "url": self.url + screen.page.path,
                "size": {"width": VIEWPORTS[screen.viewport][0], "height": VIEWPORTS[screen.viewport][1]},
            }
            for screen in self.screens
        ]
        self._write("screens.json", screens)
        self._write(
            "sweep.spec.js",
            f"""const {{ test, expect }} = require("@playwright/test");
for (const screen of require("./screens.json")) {{
  test(screen.name, async ({{ page }}) => {{
    await page.setViewportSize(screen.size);
    await page.goto(screen.url);
    await expect(page).toHaveScreenshot(screen.name.replace("@", "-") + ".png", {{
      fullPage: true, mask: [page.locator({json.dumps(LIVE)})], timeout: {STILL_TIMEOUT_MS},
    }});
  }});
}}
""",
        )
        launch = {"executablePath": str(find_chromium()), "args": _sandbox()}
        configuration = {
            "testDir": ".",
            # By itself it takes half of the cores (docs: TestConfig.workers).
            "workers": max(1, (os.cpu_count() or 1) // 2) if self.documented else AT_A_TIME,
            "fullyParallel": True,
            "retries": 0,
            "timeout": PAGE_TIMEOUT_MS,
            "reporter": [["json", {"outputFile": "report.json"}]],
            "snapshotPathTemplate": "{testDir}/approved/{arg}{ext}",
            "use": {"browserName": "chromium", "launchOptions": launch},
        }
        self._write("playwright.config.js", f"module.exports = {json.dumps(configuration, indent=1)};\n")
        _link_modules(self.folder)
        self.version = f"@playwright/test {_installed('@playwright/test')}"

    def approve_command(self) -> list[str]:
        """Its snapshots."""
        return [*self.command(), "--update-snapshots"]

    def command(self) -> list[str]:
        """All tests."""
        return ["node", "node_modules/@playwright/test/cli.js", "test", "--config=playwright.config.js"]

    def report(self) -> Path:
        """Of its JSON reporter."""
        return self.folder / "report.json"

    def reading(self, content: Any) -> Reading:
        """A test that failed for anything but its picture was not checked."""
        passed = {}
        for suite in content["suites"]:
            for spec in suite["specs"]:
                (test,) = spec["tests"]
                result = test["results"][-1]
                message = str((result.get("error") or {}).get("message", ""))
                if result["status"] == "passed" or "toHaveScreenshot" in message:
                    passed[spec["title"]] = result["status"] == "passed"
        return Reading(passed, "; ".join(str(error.get("message", ""))[:200] for error in content.get("errors", [])))


class Pa11y(Tool):
    """pa11y-ci with both of its runners."""

    name = "pa11y-ci"
    is_visual = False
    documented_with_whole_chromium = True

    def configure(self) -> None:
        """All pages, with both runners."""
        chromium = self.chromium()
        width, height = VIEWPORTS["desktop"]
        self._write(
            "pa11yci.json",
            {
                "defaults": {
                    "runners": ["htmlcs", "axe"],
                    "standard": "WCAG2AA",
                    "timeout": PAGE_TIMEOUT_MS,
                    "concurrency": 1 if self.documented else AT_A_TIME,
                    # By itself it gives each page a context; with pages beside each other, one page's end then closes
                    # the others' (Target.closeTarget: no target).
                    "useIncognitoBrowserContext": self.documented,
                    "viewport": {"width": width, "height": height},
                    "chromeLaunchConfig": {"executablePath": str(chromium), "args": _sandbox()},
                },
                "urls": [self.url + screen.page.path for screen in self.screens if screen.viewport == "desktop"],
            },
        )
        self.version = (
            f"pa11y-ci {_installed('pa11y-ci')}, pa11y {_installed('pa11y')}, axe-core {_installed('axe-core')}"
        )

    def command(self) -> list[str]:
        """Its JSON goes to standard output; node writes it to the file, so that no shell is needed."""
        script = (
            "const {spawnSync} = require('child_process'); const {openSync} = require('fs');"
            "const run = spawnSync(process.execPath, process.argv.slice(1),"
            " {stdio: ['ignore', openSync('report.json', 'w'), 'inherit']}); process.exit(run.status);"
        )
        return ["node", "-e", script, *_node("pa11y-ci/bin/pa11y-ci.js")[1:], "--config", "pa11yci.json", "--json"]

    def report(self) -> Path:
        """What it printed."""
        return self.folder / "report.json"

    def reading(self, content: Any) -> Reading:
        """An entry without a rule's code is the error of a page that could not be checked."""
        names = {self.url + screen.page.path: screen.name for screen in self.screens if screen.viewport == "desktop"}
        passed, issues = {}, 0
        for url, found in content["results"].items():
            if all(issue.get("code") for issue in found):
                passed[names[url]] = not found
                issues += len(found)
        return Reading(passed, details={"issues": issues})


class AxeCommand(Tool):
    """@axe-core/cli, which drives the whole Chromium through its driver, a page at a time; it knows no other way."""

    name = "axe-cli"
    is_visual = False
    documented_with_whole_chromium = True

    @classmethod
    def lacks(cls, *, documented: bool) -> str:
        """Its driver comes with the browser's package, or not at all; the driver knows no other browser."""
        return super().lacks(documented=True) if shutil.which("chromedriver") else "no chromedriver"

    def configure(self) -> None:
        """Everything is on its command line."""
        self.version = f"@axe-core/cli {_installed('@axe-core/cli')}"

    def command(self) -> list[str]:
        """All pages, with the tags that gate in ours."""
        driver = shutil.which("chromedriver")
        options = ["--chrome-options=" + ",".join(argument.removeprefix("--") for argument in _sandbox())]
        return [
            *_node("@axe-core/cli/dist/src/bin/cli.js"),
            *(self.url + screen.page.path for screen in self.screens if screen.viewport == "desktop"),
            f"--chromedriver-path={driver}",
            f"--chrome-path={whole_chromium()}",
            f"--tags={','.join(GATING_TAGS)}",
            "--timeout=90",
            "--save=report.json",
            *(options if _sandbox() else []),
        ]

    def report(self) -> Path:
        """What it saved."""
        return self.folder / "report.json"

    def reading(self, content: Any) -> Reading:
        """A page that axe told of in full was checked."""
        names = {self.url + screen.page.path: screen.name for screen in self.screens if screen.viewport == "desktop"}
        # A page that did not load is told of as the browser's own page of errors.
        passed = {names[page["url"]]: not page["violations"] for page in content if page["url"] in names}
        return Reading(passed, details={"violations": sum(len(page["violations"]) for page in content)})


PEERS: tuple[type[Tool], ...] = (BackstopPuppeteer, BackstopPlaywright, PlaywrightTest, Pa11y, AxeCommand)


def whole_chromium() -> Path | None:
    """The browser with windows and services, which Puppeteer and Selenium drive; None where there is only the shell."""
    return next((path for path in candidates() if "headless" not in path.name), None)


def _sandbox() -> list[str]:
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def peers_folder() -> Path:
    """Where the peers are installed."""
    return REPOSITORY / ".stageproof" / "bench" / "peers"


def _node(script: str) -> list[str]:
    return ["node", str(peers_folder() / "node_modules" / script)]


def _link_modules(folder: Path) -> None:
    (folder / "node_modules").symlink_to(peers_folder() / "node_modules")


def _installed(package: str) -> str:
    path = peers_folder() / "node_modules" / package / "package.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError):
        return ""


def install_peers(say: Callable[[str], None]) -> str:
    """Install what is missing; returns why peers cannot be measured, or an empty text."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no npm" if shutil.which("node") else "no node"
    if all(_installed(package) == version for package, version in VERSIONS.items()):
        return ""
    folder = peers_folder()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"name": "stageproof-bench-peers", "private": True, "dependencies": VERSIONS}
    (folder / "package.json").write_text(json.dumps(wanted, indent=1), encoding="utf-8")
    say("installing the peers from the npm registry (about a minute): " + ", ".join(VERSIONS))
    command = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    ended = subprocess.run(command, cwd=folder, env={**os.environ, **NO_DOWNLOADS}, capture_output=True, text=True)
    if ended.returncode:
        return f"npm install failed: {(ended.stderr.strip().splitlines() or ['no message'])[-1]}"
    return ""
