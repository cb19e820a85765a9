"""What a pytest suite can do to a run: it may crash, hang, flood, lie and pry, and nothing of that ends in a go."""

from __future__ import annotations

import os
import tempfile
import textwrap
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from evidence_store.model import Outcome
from tasks.gathering import gather_shard
from tasks.journeys.gather import MAX_LOG_BYTES, JourneySuites
from tasks.journeys.models import SuiteRun
from tasks.plan import load_plan
from tests.flows.looking import Looked, look, new_workspace, write_plan

pytestmark = pytest.mark.real

WALKS = """
import pytest

@pytest.mark.journey("a-journey")
def test_walk():
    assert True
"""
WALK = """
import os, pathlib, pytest, signal, subprocess, sys, time

@pytest.mark.journey("a-journey")
def test_walk(capfd):
"""
# What a suite's own process does when pytest is done with everything.
AT_EXIT = "import atexit, os, pathlib, sys\n\ndef last_word():\n{body}\n\natexit.register(last_word)\n" + WALKS
JUNIT = "[word for word in sys.argv if word.startswith('--junit-xml=')][0].partition('=')[2]"
SECRET = "a-secret-that-nobody-may-read"


@pytest.fixture(autouse=True)
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites need no plugins of others, which take a second to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def walking(body: str) -> str:
    """A suite of one test that walks the journey in its own way."""
    return WALK + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\n"


def at_exit(body: str) -> str:
    """A suite that passes, and then does something."""
    return AT_EXIT.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    "))


def run_suite(folder: Path, content: str, deadline_seconds: float = 60, **more: object) -> Looked:
    """Write the suite, run it as the plan's only one, judge and decide."""
    return look(_plan(folder, content, deadline_seconds, **more), [JourneySuites()], folder)


def _plan(folder: Path, content: str, deadline_seconds: float = 60, **more: object) -> Path:
    (_suite(folder)).mkdir()
    (_suite(folder) / "test_journey.py").write_text(content, encoding="utf-8")
    table = {"suites": [str(_suite(folder))], "required": ["a-journey"], "deadline_seconds": deadline_seconds}
    return write_plan(folder, "http://127.0.0.1:9", {"journeys": table}, **more)


def _suite(folder: Path) -> Path:
    return folder / "suite"


def suite_run(looked: Looked, folder: Path) -> SuiteRun:
    """The evidence of the one suite."""
    run = looked.evidence(SuiteRun, f"suite:{_suite(folder)}")
    assert isinstance(run, SuiteRun)
    return run


def log_of(looked: Looked, folder: Path) -> str:
    """The stored output of the one suite."""
    log = suite_run(looked, folder).log
    assert log is not None
    return looked.workspace.read(log.path).decode("utf-8", "replace")


@dataclass(frozen=True)
class Broken:
    """A suite that proves nothing, and the words its reason must hold."""

    name: str
    content: str
    says: str
    deadline_seconds: float = 60


BROKEN = [
    Broken("no-test", "# nothing here\n", "exit code 5: it collected 0 tests"),
    Broken("import-error", "import a_module_of_no_such_name\n", "No module named 'a_module_of_no_such_name'"),
    Broken("syntax-error", "def test_walk(:\n", "could not be collected"),
    Broken("exits-green", walking("os._exit(0)"), "1 of 1 collected tests never finished"),
    Broken("exits-red", walking("os._exit(1)"), "1 of 1 collected tests never finished"),
    Broken("kills-itself", walking("os.kill(os.getpid(), signal.SIGKILL)"), "killed by signal 9"),
    Broken("segfaults", walking("import ctypes; ctypes.string_at(0)"), "killed by signal 11"),
    Broken(
        "hangs-and-ignores-requests",
        walking("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"),
        "it was ended, because it ran longer than 3 s",
        deadline_seconds=3,
    ),
    Broken("skips-all", "import pytest\n\ndef test_walk():\n    pytest.skip('later')\n", "all 1 tests were skipped"),
    Broken(
        "junit-declares-287",
        at_exit(
            f"""
            path = pathlib.Path({JUNIT})
            path.write_text(path.read_text().replace('tests="1"', 'tests="287"'))
            """
        ),
        "its JUnit file declares 287 tests and holds 1",
    ),
    Broken(
        "junit-of-another-run",
        at_exit(
            f"""
            cases = "".join(f'<testcase classname="c" name="t{{n}}" time="0"/>' for n in range(46))
            pathlib.Path({JUNIT}).write_text(f'<testsuite tests="46">{{cases}}</testsuite>')
            """
        ),
        "its JUnit file holds 46 tests, and 1 were seen to run",
    ),
    Broken(
        "junit-with-entities",
        at_exit(
            f'pathlib.Path({JUNIT}).write_text(\'<!DOCTYPE a [<!ENTITY b "c">]><testsuite tests="1">&b;</testsuite>\')'
        ),
        "the JUnit file cannot be read",
    ),
    Broken("junit-taken-away", at_exit(f"pathlib.Path({JUNIT}).unlink()"), "it wrote no JUnit file"),
    Broken(
        "exit-code-forged", at_exit("sys.stdout.flush(); os._exit(1)"), "exit code 1, but the event log says that no"
    ),
    Broken(
        "events-cut-off",
        at_exit(
            """
            path = pathlib.Path(os.environ["STAGEPROOF_EVENT_LOG"])
            path.write_text("".join(path.read_text().splitlines(True)[:-1]))
            """
        ),
        "its event log breaks off before the end of the session",
    ),
    Broken(
        "events-garbled",
        at_exit("""pathlib.Path(os.environ["STAGEPROOF_EVENT_LOG"]).write_bytes(b"\\xff[1, 2\\n")"""),
        "the event log holds a line that is not an event",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_suite_that_proves_nothing_is_an_error(broken: Broken, tmp_path: Path) -> None:
    """The suite says why it is not believed, the journey has not been walked, and the output is kept."""
    looked = run_suite(tmp_path, broken.content, broken.deadline_seconds)
    suite = looked.subject(f"suite:{_suite(tmp_path)}", "journeys")
    assert (suite.outcome, broken.says in suite.reason) == (Outcome.ERROR, True), suite.reason
    journey = looked.subject("journey:a-journey", "journeys")
    assert (journey.outcome, broken.says in journey.reason) == (Outcome.ERROR, True), journey.reason
    assert suite_run(looked, tmp_path).log is not None
    assert not looked.is_go


def test_a_suite_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Its path is told, and where it was looked for."""
    table = {"suites": ["suites/of-nobody"], "required": ["a-journey"]}
    looked = look(write_plan(tmp_path, "http://127.0.0.1:9", {"journeys": table}), [JourneySuites()], tmp_path)
    outcomes = {decided.subject: (decided.outcome, decided.reason) for decided in looked.decision.subjects}
    assert set(outcomes) == {"suite:suites/of-nobody", "journey:a-journey"}
    for outcome, reason in outcomes.values():
        assert (outcome, "the suite suites/of-nobody does not exist (looked in" in reason) == (Outcome.ERROR, True)


def test_a_whole_suite_passes(tmp_path: Path) -> None:
    """The measure for all the others: this is what a believed suite looks like."""
    assert run_suite(tmp_path, WALKS).is_go


def test_a_flood_of_output_keeps_both_its_ends(tmp_path: Path) -> None:
    """100 MB printed are 2 MB of evidence that say how much was left out."""
    looked = run_suite(
        tmp_path,
        walking(
            """
            with capfd.disabled():
                os.write(1, b"THE FIRST LINE\\n")
                for _ in range(100):
                    os.write(1, b"0123456789abcde\\n" * 62500)
                os.write(1, b"THE LAST LINE\\n")
            """
        ),
    )
    log = log_of(looked, tmp_path)
    assert len(log) < MAX_LOG_BYTES + 200
    assert [words in log for words in ("THE FIRST LINE", "bytes left out ...]", "THE LAST LINE")] == [True] * 3
    assert looked.subject("journey:a-journey", "journeys").outcome is Outcome.PASS


START_SLEEPER = """
sleeper = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, start_new_session={apart}, env={given})
pathlib.Path({file!r}).write_text(str(sleeper.pid))
sleeper.returncode = 0  # pytest must not complain of it
"""
BACKGROUND = {
    "while-it-hangs-in-a-session-of-its-own": ("time.sleep(600)", True, "None", 3.0),
    "after-it-passed": ("", False, "None", 60.0),
    "after-it-passed-in-a-session-of-its-own": ("", True, "None", 60.0),
    "after-it-passed-without-its-environment": ("", False, "{}", 60.0),
    "after-it-passed-with-nothing-to-know-it-by": ("", True, "{}", 60.0),
    "after-it-was-killed": ("os.kill(os.getpid(), signal.SIGKILL)", False, "None", 60.0),
}


@pytest.mark.parametrize(
    ("then", "apart", "given", "deadline"),
    BACKGROUND.values(),
    ids=BACKGROUND.keys(),
)
def test_what_a_suite_starts_ends_with_it(then: str, apart: bool, given: str, deadline: float, tmp_path: Path) -> None:
    """A process that a test left in the background is gone when the suite has been looked at."""
    file = tmp_path / "sleeper"
    run_suite(tmp_path, walking(START_SLEEPER.format(file=str(file), apart=apart, given=given) + then), deadline)
    sleeper = int(file.read_text())
    try:
        alive = psutil.pid_exists(sleeper) and psutil.Process(sleeper).status() != psutil.STATUS_ZOMBIE
        assert not alive
    finally:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(sleeper).kill()


LINKS = {
    "attachment": "pathlib.Path(os.environ['STAGEPROOF_ATTACHMENTS'], 'picture.txt').symlink_to({secret!r})",
    "folder-inside": "pathlib.Path(os.environ['STAGEPROOF_ATTACHMENTS'], 'pictures').symlink_to({folder!r})",
    "folder-itself": "pathlib.Path(os.environ['STAGEPROOF_ATTACHMENTS']).rmdir();"
    " pathlib.Path(os.environ['STAGEPROOF_ATTACHMENTS']).symlink_to({folder!r})",
    "junit": f"pathlib.Path({JUNIT}).unlink(missing_ok=True); pathlib.Path({JUNIT}).symlink_to({{secret!r}})",
    "events": "pathlib.Path(os.environ['STAGEPROOF_EVENT_LOG']).unlink();"
    " pathlib.Path(os.environ['STAGEPROOF_EVENT_LOG']).symlink_to({secret!r})",
    "output": "log = pathlib.Path(os.environ['STAGEPROOF_EVENT_LOG']).with_name('output.log'); log.unlink();"
    " log.symlink_to({secret!r})",
}


@pytest.mark.parametrize("link", LINKS)
def test_a_link_takes_no_file_of_this_machine_into_the_evidence(link: str, tmp_path: Path) -> None:
    """Wherever a suite puts a link, what it points to stays where it is."""
    private = tmp_path / "private"
    private.mkdir()
    (private / "passwd").write_text("root:x:0:0: nobody outside may read this line")
    content = at_exit(LINKS[link].format(secret=str(private / "passwd"), folder=str(private)))
    looked = run_suite(tmp_path, content)
    assert b"nobody outside may read this line" not in looked.everything()


def test_a_pipe_in_place_of_the_report_does_not_hold_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a named pipe waits for a writer who never comes: it must not be opened at all."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = at_exit(f"pathlib.Path({JUNIT}).unlink(missing_ok=True); os.mkfifo({JUNIT})")
    plan, workspace, source = load_plan(_plan(tmp_path, content)), new_workspace(tmp_path), JourneySuites()
    looking = threading.Thread(target=gather_shard, args=(source, plan, source.shards(plan)[0], workspace), daemon=True)
    looking.start()
    looking.join(15)
    try:
        assert not looking.is_alive(), "the run waits for a pipe that nobody writes to"
    finally:
        for pipe in tmp_path.glob("stageproof-suite-*/junit.xml"):
            with suppress(OSError):
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        looking.join(10)


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """An identity whose password is SECRET."""
    monkeypatch.setenv("SUITE_PASSWORD", SECRET)
    return {"somebody": {"login": {"url": "/login", "json": {"password": "env:SUITE_PASSWORD"}}}}


PRINTED = {
    "plainly": ("print(os.environ['SUITE_PASSWORD']); assert False", "[redacted:env:SUITE_PASSWORD]"),
    "in-a-url": (
        "import base64; print('http://h/?p=' + os.environ['SUITE_PASSWORD'],"
        " base64.b64encode(os.environ['SUITE_PASSWORD'].encode()).decode()); assert False",
        "http://h/?p=[redacted:env:SUITE_PASSWORD]",
    ),
    "in-an-attachment": (
        "pathlib.Path(os.environ['STAGEPROOF_ATTACHMENTS'], 'a.txt').write_text(os.environ['SUITE_PASSWORD'])",
        "",
    ),
}


@pytest.mark.parametrize(("body", "mark"), PRINTED.values(), ids=PRINTED.keys())
def test_a_secret_that_a_suite_tells_is_removed(
    body: str, mark: str, identity: dict[str, object], tmp_path: Path
) -> None:
    """It stands in no file of the evidence, in no encoding, and the log shows where it stood."""
    looked = _learned(_plan(tmp_path, walking(body), identities=identity), tmp_path)
    assert mark in log_of(looked, tmp_path)
    assert SECRET.encode() not in looked.everything()
    assert b"YS1zZWNyZXQtdGhhdC1ub2JvZHktbWF5LXJlYWQ" not in looked.everything()


def _learned(plan: Path, folder: Path) -> Looked:
    # As a run does it, before the first look.
    workspace = new_workspace(folder)
    for name in load_plan(plan).environment_names():
        workspace.redactor.learn(os.environ[name], f"env:{name}")
    return look(plan, [JourneySuites()], folder, workspace=workspace)


@pytest.mark.parametrize("cut", ["first", "second"])
def test_a_secret_where_the_output_is_cut_is_removed(cut: str, identity: dict[str, object], tmp_path: Path) -> None:
    """Of an output that is too long both ends are kept; a secret that lies on a cut leaves no half of itself."""
    half, size = MAX_LOG_BYTES // 2, 3 * MAX_LOG_BYTES
    place = (half if cut == "first" else size - half) - len(SECRET) // 2
    body = f"""
    os.ftruncate(1, 0)
    os.lseek(1, 0, os.SEEK_SET)
    secret = os.environ["SUITE_PASSWORD"].encode()
    os.write(1, b"x" * {place} + secret + b"y" * ({size} - {place} - len(secret)))
    """
    looked = _learned(_plan(tmp_path, at_exit(body), identities=identity), tmp_path)
    log = log_of(looked, tmp_path)
    assert "bytes left out ...]" in log
    assert [part for part in (SECRET[:10], SECRET[-10:]) if part in log] == []


def test_a_suite_has_no_key_to_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees what it needs, and nothing of the evidence store's settings or of a person's key."""
    monkeypatch.setenv("STAGEPROOF_S3_ACCESS_KEY", "a-key")
    monkeypatch.setenv("STAGEPROOF_S3_SECRET_KEY", "a-secret-key")
    monkeypatch.setenv("STAGEPROOF_KEY_PASSPHRASE", "a-persons-passphrase")
    body = """
    assert os.environ["STAGEPROOF_BASE_URL"] == "http://127.0.0.1:9"
    assert [name for name in os.environ if name.startswith("STAGEPROOF_S3")] == []
    assert "a-secret-key" not in str(dict(os.environ))
    assert "a-persons-passphrase" not in str(dict(os.environ))
    """
    looked = run_suite(tmp_path, walking(body))
    suite = looked.subject(f"suite:{_suite(tmp_path)}", "journeys")
    assert suite.outcome is Outcome.PASS, suite.reason


def test_attachments_are_kept_under_names_that_stay_inside(tmp_path: Path) -> None:
    """Spaces and other signs become dashes, so that no name leads out of the package."""
    body = """
    folder = pathlib.Path(os.environ["STAGEPROOF_ATTACHMENTS"], "a test [1]")
    folder.mkdir()
    (folder / "..\\\\..\\\\picture one.txt").write_text("seen")
    """
    looked = run_suite(tmp_path, walking(body))
    run = suite_run(looked, tmp_path)
    assert (len(run.attachments), run.attachments_left_out) == (1, 0)
    assert run.attachments[0].path.endswith("/a-test-1-/..-..-picture-one.txt")
    assert looked.workspace.read(run.attachments[0].path) == b"seen"
