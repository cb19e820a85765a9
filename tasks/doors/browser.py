"""A Chromium that cannot hold a run: hosts are closed off, every piece of work has a deadline, a crash is an answer.

Rules:

- hosts the plan does not allow are unreachable from the browser (resolver rules), whatever a page asks for;
- a deadline kills the browser process, because a page that blocks its own thread answers to nothing softer;
- a browser that died is replaced for the next piece of work; what it was looking at ends in an error;
- service workers never become active, so that every request is seen; a page that registers one is told that it did;
- pieces of work beside each other share the browser and nothing else; when it ends, all of them end in an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from playwright._impl._greenlets import EventGreenlet, run_in_greenlet, wait_for_future
from playwright.sync_api import Browser, BrowserContext, Error, Playwright, sync_playwright

from evidence_store.redaction import Redactor
from tasks.contract import GatherError
from tasks.doors.chromium import BrowserMissing, edition, find_chromium
from tasks.plan import Plan, Viewport, resolve_environment

LAUNCH_TIMEOUT_MS = 30_000
MAX_LOGIN_REDIRECTS = 5
TILE = "4096x1024"
"""Pixels of the parts that a page is drawn in, each for itself: no wider than the page. Chromium's own size for a
machine without a GPU, 256x256, gives images seams that visitors do not see, and takes longer to put together."""
DETERMINISTIC_RENDERING = (
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--hide-scrollbars",
    # Animated images (GIF, APNG, WebP) stand at their first frame.
    "--blink-settings=imageAnimationPolicy=2",
    *(f"--default-tile-{side}={length}" for side, length in zip(("width", "height"), TILE.split("x"), strict=True)),
)
ONE_PROCESS_A_PROFILE = "--renderer-process-limit=1"
"""For pages of one site; another profile, and another site, always has a process of its own. Not where the time that
a page takes is measured: users have none such."""
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)

# Playwright's own answer in place of a registration is nothing at all, which most pages then fall over.
_NEVER_ACTIVE = """
(() => {
  let workers;
  try { workers = navigator.serviceWorker; } catch { return; /* a sandboxed frame may not even ask */ }
  if (workers) workers.register = async (script, options) => Object.assign(new EventTarget(), {
    scope: new URL(options?.scope ?? '.', new URL(script, document.baseURI)).href,
    installing: null, waiting: null, active: null, onupdatefound: null, updateViaCache: 'imports',
    update: async () => {}, unregister: async () => true, getNotifications: async () => [],
    pushManager: { getSubscription: async () => null, permissionState: async () => 'denied' },
  });
})();
"""
BrowserError = Error
"""What any step in a page raises: a time-out, a crash, a closed browser."""


class BrowserSession:
    """One Chromium for one thread, with sign-ins kept for the time of the session."""

    def __init__(self, plan: Plan, redactor: Redactor, *, deterministic: bool = True) -> None:
        self.plan = plan
        self.redactor = redactor
        self._arguments = [
            *QUIET,
            *((*DETERMINISTIC_RENDERING, ONE_PROCESS_A_PROFILE) if deterministic else ()),
            _only_hosts((*plan.target.allowed_hosts, *plan.target.third_parties)),
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        self._signed_in: dict[str, Any] = {}
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._process: int | None = None

    def __enter__(self) -> Self:
        # Without it Playwright's driver compiles itself anew each time it starts. Beside what is installed, and not in
        # /tmp: whoever can write there chooses what is run.
        os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(sys.prefix) / "var" / "node-compile-cache"))
        self._playwright = sync_playwright().start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Error):
            if self._browser is not None:
                self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    @property
    def browser(self) -> Browser:
        """The running browser; a new one when the last one died. Raises GatherError when none can be started."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._launch()
            self._process = self._browser_process(self._browser)
        return self._browser

    def is_connected(self) -> bool:
        """Whether there is a browser that is not known to have ended."""
        return self._browser is not None and self._browser.is_connected()

    def is_alive(self) -> bool:
        """Whether the browser answers: it is asked."""
        if self._browser is None:
            return False
        try:
            self._browser.new_browser_cdp_session().detach()
        except Error:
            return False
        return self._browser.is_connected()

    def beside_each_other(self, pieces: Sequence[Callable[[], None]]) -> None:
        """Do pieces of work in this thread: while one waits for the browser, the others go on.

        Raises the first error that came out of one, after all have ended; GatherError when the driver ended.
        """
        if self._playwright is None:
            raise RuntimeError("a BrowserSession is used inside `with`")

        # Playwright lets several greenlets wait, so that a listener of an event can use the browser as well. It has no
        # public way to start them.
        async def all_ended() -> list[BaseException | None]:
            begun = [run_in_greenlet(EventGreenlet, piece) for piece in pieces]
            ended: list[BaseException | None] = await asyncio.gather(*begun, return_exceptions=True)
            return ended

        loop = asyncio.get_running_loop()
        task = loop.create_task(all_ended())
        try:
            wait_for_future(loop, self._playwright._dispatcher_fiber, task)
        except Error as error:
            raise GatherError(f"Playwright's driver ended: {first_line(error)}") from error
        if errors := [error for error in task.result() if error is not None]:
            raise errors[0]

    def sign_in(self, identity: str) -> Any:
        """The browser state of an identity, for the time of the session; raises GatherError when sign-in fails."""
        if identity not in self._signed_in:
            self._signed_in[identity] = sign_in(self.browser, self.plan, identity, os.environ, self.redactor)
        return self._signed_in[identity]

    def _launch(self) -> Browser:
        if self._playwright is None:
            raise RuntimeError("a BrowserSession is used inside `with`")
        try:
            return self._playwright.chromium.launch(
                executable_path=str(find_chromium()), args=self._arguments, timeout=LAUNCH_TIMEOUT_MS
            )
        except BrowserMissing as error:
            raise GatherError(str(error)) from error
        except Error as error:
            raise GatherError(f"Chromium did not start: {first_line(error)}") from error

    @staticmethod
    def _browser_process(browser: Browser) -> int | None:
        session = browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        return next((int(process["id"]) for process in processes if process["type"] == "browser"), None)

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Kill the browser when the work inside takes longer; the step that waits then raises BrowserError."""
        timer = threading.Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        """End the browser process at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)

    def version(self) -> str:
        """The browser's version, part of what a screenshot depends on."""
        version = self.browser.version  # first, because it is told in plain words when there is no browser
        return f"{edition(find_chromium())} {version}"

    @contextlib.contextmanager
    def context(self, viewport: Viewport, identity: str | None, **options: Any) -> Iterator[BrowserContext]:
        """A fresh profile in a viewport, signed in as an identity; raises GatherError when sign-in fails."""
        context = self.new_context(viewport, identity, **options)
        try:
            yield context
        finally:
            with contextlib.suppress(Error):
                context.close()

    def new_context(self, viewport: Viewport, identity: str | None, **options: Any) -> BrowserContext:
        """A fresh profile that whoever asks for it has to close; raises GatherError when sign-in fails."""
        state = self.sign_in(identity) if identity else None
        context = self.browser.new_context(
            viewport={"width": viewport.width, "height": viewport.height},
            device_scale_factor=viewport.scale,
            # Touch, width and ratio, but never is_mobile: it adds layout shifts that users do not have.
            has_touch=viewport.touch,
            locale="en-GB",
            timezone_id="UTC",
            service_workers="block",
            accept_downloads=False,
            storage_state=state,
            **options,
        )
        context.add_init_script(_NEVER_ACTIVE)
        return context


def sign_in(browser: Browser, plan: Plan, identity: str, environment: Mapping[str, str], redactor: Redactor) -> Any:
    """Sign in by the plan's request and return the browser state; cookies and stored tokens are learned as secrets."""
    login = plan.identities[identity].login
    body = {key: resolve_environment(value, environment) for key, value in login.json_body.items()}
    context = browser.new_context()
    try:
        # Redirects are followed by hand: one to another host would carry the password there.
        url = plan.url(login.url)
        answer = context.request.post(url, data=body, timeout=15_000, max_redirects=0)
        for _ in range(MAX_LOGIN_REDIRECTS):
            if answer.status not in {301, 302, 303}:
                break
            url = urljoin(url, answer.headers.get("location", ""))
            if not host_is_allowed(url, plan.target.allowed_hosts):
                raise GatherError(
                    f"'{identity}' could not sign in: {login.url} redirects to a host outside allowed_hosts"
                )
            answer = context.request.get(url, timeout=15_000, max_redirects=0)
        if not answer.ok:
            raise GatherError(
                f"'{identity}' could not sign in: {login.url} answered {answer.status}; check the environment variables"
                f" its login names ({', '.join(sorted(plan.environment_names()))})"
            )
        state = context.storage_state()
    except Error as error:
        raise GatherError(f"'{identity}' could not sign in: {first_line(error)}") from error
    finally:
        with contextlib.suppress(Error):
            context.close()
    for cookie in state.get("cookies", []):
        redactor.learn(str(cookie.get("value", "")), f"cookie:{cookie.get('name', '')}")
    for origin in state.get("origins", []):
        for item in origin.get("localStorage", []):
            redactor.learn(str(item.get("value", "")), f"storage:{item.get('name', '')}")
    if not state.get("cookies") and not state.get("origins"):
        raise GatherError(
            f"'{identity}' signed in at {login.url}, but the answer set no cookie: nothing to visit pages with"
        )
    return state


def first_line(error: BaseException) -> str:
    """The part of a browser error that a person needs: the call log below it is for the trace."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _only_hosts(allowed: Sequence[str]) -> str:
    excluded = ", ".join(f"EXCLUDE {host}" for host in allowed)
    return f"--host-resolver-rules=MAP * ~NOTFOUND, {excluded}"


def host_is_allowed(url: str, allowed: Sequence[str]) -> bool:
    """Whether a browser URL stays on the plan's hosts; data:, blob: and about: never leave the page."""
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob", "about"} or (parts.hostname or "") in allowed
