"""Sources against a living site with faults: gather, judge and decide, without an orchestrator or a store."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from evidence_store.gate import decide
from evidence_store.model import Decision, Outcome, Release, VerdictWord
from evidence_store.workspace import OpenedRun, Workspace
from tasks.gathering import gather_shard
from tasks.judging import judge
from tasks.plan import load_plan
from tasks.registry import check_named, expected_subjects, sources_for
from tasks.sweep import gather as sweep
from tests.runs.conftest import PASSWORDS, Site

pytestmark = pytest.mark.real
PlanFile = Callable[..., Path]
Look = Callable[..., tuple[Decision, Workspace]]
DASHBOARD = 'path = "/en/dashboard"\nidentity = "viewer"\nmust_show = ["Impact this quarter"]\nmask = ["[data-live]"]'
CATALOG = 'path = "/en/catalog"\nidentity = "viewer"\nmust_show = ["Data catalogue"]\nmask = ["[data-live]"]'
VIEWER = """
[identities.viewer]
login = { url = "/api/login", json = { email = "viewer@tidemark.example", password = "env:DEMO_VIEWER_PASSWORD" } }
"""


@pytest.fixture
def look(tmp_path: Path, plan_file: PlanFile, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Gather and judge everything a small plan asks for."""
    for name, value in PASSWORDS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STAGEPROOF_BASELINES", str(tmp_path / "baselines"))

    def gather_judge_decide(base_url: str, rest: str, **page: str) -> tuple[Decision, Workspace]:
        plan = load_plan(plan_file(base_url, rest, **page))
        profile = plan.profile("nightly")
        now = datetime.now(UTC)
        opened = OpenedRun(run_id="run", target="small", profile="nightly", opened_at=now, process=os.getpid())
        workspace = Workspace.create(tmp_path, opened)
        for name, value in PASSWORDS.items():
            workspace.redactor.learn(value, f"env:{name}")
        release = Release(before="4f2c9e1", after="4f2c9e1")
        expected = expected_subjects(plan, profile)
        for source in sources_for(expected):
            for shard in source.shards(plan):
                gather_shard(source, plan, shard, workspace)
        results = [judge(check_named(check), plan, profile, now, release, workspace) for check in expected]
        return decide(expected, results, (), release, now), workspace

    return gather_judge_decide


def outcome(decision: Decision, check: str, subject: str = "page@desktop") -> tuple[Outcome, str]:
    (found,) = [item for item in decision.subjects if (item.check, item.subject) == (check, subject)]
    return found.outcome, found.reason


def no_browser_is_left() -> bool:
    return not [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]


PAGE = "[checks.page-health]\n[checks.visual]\n[checks.axe]\n"


def test_a_healthy_page_passes_and_awaits_its_baseline(site: Site, look: Look) -> None:
    decision, _ = look(site(), VIEWER + PAGE, page=DASHBOARD)
    assert outcome(decision, "page-health")[0] is Outcome.PASS
    assert outcome(decision, "axe")[0] is Outcome.PASS
    assert outcome(decision, "visual") == (Outcome.NOT_RUN, outcome(decision, "visual")[1])
    assert "awaits approval" in outcome(decision, "visual")[1]
    assert no_browser_is_left()


@pytest.mark.parametrize(
    ("fault", "page", "check", "expected", "says"),
    [
        ("login-instead-of-page", DASHBOARD, "page-health", Outcome.FAIL, "not on the page"),
        ("soft-404", CATALOG, "page-health", Outcome.FAIL, "not on the page"),
        ("redirect-loop", DASHBOARD, "page-health", Outcome.FAIL, "ERR_TOO_MANY_REDIRECTS"),
        ("api-fails-behind-pretty-page", DASHBOARD, "page-health", Outcome.FAIL, "answered 500"),
        ("console-error", DASHBOARD, "page-health", Outcome.FAIL, "uncaught error"),
        ("unlabeled-button", DASHBOARD, "axe", Outcome.FAIL, "discernible text"),
        ("frame-unlabeled", CATALOG, "axe", Outcome.FAIL, "label"),
        ("never-settles", DASHBOARD, "visual", Outcome.ERROR, "never stood still"),
    ],
)
def test_a_fault_is_named_by_its_check(
    site: Site,
    look: Look,
    fault: str,
    page: str,
    check: str,
    expected: Outcome,
    says: str,
) -> None:
    decision, _ = look(site(fault), f"{VIEWER}[checks.{check}]\n", page=page)
    seen, reason = outcome(decision, check)
    assert (seen, says in reason) == (expected, True), reason


def test_a_page_behind_a_login_is_not_the_login_page(site: Site, look: Look) -> None:
    decision, _ = look(site(), "[checks.page-health]\n", page='path = "/en/dashboard"\nmust_show = ["Sign in"]')
    assert outcome(decision, "page-health")[0] is Outcome.FAIL
    assert "ended on" in outcome(decision, "page-health")[1]


def test_a_refused_sign_in_is_an_error_that_says_what_to_check(
    site: Site, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PASSWORDS, "DEMO_VIEWER_PASSWORD", "not-the-password")
    monkeypatch.setenv("DEMO_VIEWER_PASSWORD", "not-the-password")
    decision, _ = look(site(), f"{VIEWER}[checks.page-health]\n[checks.axe]\n", page=DASHBOARD)
    for check in ("page-health", "axe"):
        seen, reason = outcome(decision, check)
        assert (seen, "answered 401" in reason) == (Outcome.ERROR, True), reason


def test_a_missing_browser_is_an_error_for_every_page(site: Site, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGEPROOF_CHROMIUM", "/nowhere/chromium")
    decision, _ = look(site(), PAGE)
    assert {item.outcome for item in decision.subjects} == {Outcome.ERROR}
    assert "/nowhere/chromium" in outcome(decision, "axe")[1]
    assert decision.verdict is VerdictWord.INCOMPLETE


def test_a_browser_that_dies_costs_one_page_and_is_replaced(
    site: Site, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, visits = sweep._look, []

    def dies_at_the_first_page(context: object, *rest: object) -> None:
        visits.append(context)
        if len(visits) == 1:
            browser = [child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]
            browser[0].send_signal(signal.SIGKILL)
        real(context, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "_look", dies_at_the_first_page)
    monkeypatch.setattr(sweep.os, "cpu_count", lambda: 1)
    second = '[[pages]]\nname = "second"\npath = "/en/"\nmust_show = ["Sign in"]\n[checks.page-health]\n'
    decision, _ = look(site(), second)
    assert outcome(decision, "page-health")[0] is Outcome.ERROR
    assert outcome(decision, "page-health", "second@desktop")[0] is Outcome.PASS
    assert no_browser_is_left()


SUITES = {
    "collects-nothing": ("x = 1", "it collected 0 tests"),
    "cannot-be-imported": ("import no_such_module_here", "could not be collected"),
    "ends-itself": ("import os\ndef test_it():\n    os._exit(0)", "never finished"),
    "is-killed": ("import os, signal\ndef test_it():\n    os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9"),
    "hangs": ("import time\ndef test_it():\n    time.sleep(600)", "ran longer than 6 s"),
    "skips-everything": ("import pytest\ndef test_it():\n    pytest.skip('later')", "all 1 tests were skipped"),
    "lies-in-junit": (
        "import atexit, os, pathlib, sys\n"
        "path = next(a.partition('=')[2] for a in sys.argv if a.startswith('--junit-xml='))\n"
        'lie = \'<testsuites><testsuite tests="287"><testcase name="a"/></testsuite></testsuites>\'\n'
        "atexit.register(lambda: pathlib.Path(path).write_text(lie))\n"
        "def test_it():\n    assert True",
        "declares 287 tests and holds 1",
    ),
}


def suite_plan(folder: Path, name: str, code: str) -> str:
    (folder / "suite").mkdir()
    (folder / "suite" / f"test_{name.replace('-', '_')}.py").write_text(textwrap.dedent(code), encoding="utf-8")
    return f"""
[checks.journeys]
suites = ["{folder / "suite"}"]
required = ["any"]
deadline_seconds = 6
"""


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_that_proves_nothing_is_an_error(name: str, site: Site, look: Look, tmp_path: Path) -> None:
    code, says = SUITES[name]
    decision, _ = look(site(), suite_plan(tmp_path, name, code))
    seen, reason = outcome(decision, "journeys", f"suite:{tmp_path / 'suite'}")
    assert (seen, says in reason) == (Outcome.ERROR, True), reason
    assert outcome(decision, "journeys", "journey:any")[0] is Outcome.ERROR


def test_a_suite_that_prints_100_mb_is_kept_small_and_without_secrets(
    site: Site, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEPROOF_S3_SECRET_KEY", "store-secret-1234")
    code = """
    import os, pathlib, subprocess, sys, pytest

    @pytest.mark.journey("any")
    def test_it():
        os.write(2, b"y" * 100_000_000)
        os.write(2, b"password " + os.environ["DEMO_VIEWER_PASSWORD"].encode())
        assert "STAGEPROOF_S3_SECRET_KEY" not in os.environ
        attachments = pathlib.Path(os.environ["STAGEPROOF_ATTACHMENTS"])
        (attachments / "passwd").symlink_to("/etc/passwd")
        (attachments / "note.txt").write_text("kept")
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "MARK"])
    """.replace("MARK", str(tmp_path))
    decision, workspace = look(site(), suite_plan(tmp_path, "loud", code).replace("= 6\n", "= 60\n"))
    assert outcome(decision, "journeys", "journey:any")[0] is Outcome.PASS, decision.subjects
    names = workspace.names()
    log = workspace.read(next(name for name in names if name.endswith("output.log")))
    assert len(log) < 3_000_000
    assert b"viewer-demo-pass" not in log
    assert [name for name in names if name.endswith("passwd")] == []
    assert [name for name in names if name.endswith("note.txt")] != []
    left = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in (p.info["cmdline"] or [])]
    assert left == []
