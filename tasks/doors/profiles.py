"""Profiles in which one tab after the other looks at pages: each look begins in an empty one.

Rules:

- every look has a tab of its own; what belongs to a tab (history, its name, session storage) ends with it;
- after a look, cookies, caches and everything that was stored, for whichever host, are removed by the browser's own
  means, and whoever is signed in is signed in as before;
- a profile is given up in place of being emptied when a look in it failed, when a window is left, when the page's
  process does not answer at once, or when something may be remembered that cannot be removed;
- looks beside each other never share a profile.

What stays is the page's process: it has compiled what it runs in every page (axe, the scripts that still a page), and
saves an eighth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Error, Page, Response

from tasks.doors.browser import BrowserSession
from tasks.plan import Viewport

ANSWER_MS = 2_000
"""For the process of a page that was closed to be ready for the next one."""
REMEMBERED = "accept-ch"
"""What a server asks to be told with every later request (RFC 8942): nothing but a new profile forgets it."""


@dataclass
class Profile:
    """One profile, and how often it was used."""

    context: BrowserContext
    keeper: Page
    """An empty tab, which no page ever is in: with it the process lasts from look to look."""
    session: CDPSession
    """Of the keeper."""
    cookies: list[Any]
    """Of whoever is signed in."""
    looks: int = 0
    """That were made in it before, after each of which it was emptied."""
    can_be_emptied: bool = True

    def __post_init__(self) -> None:
        """Hear of what makes it unfit for another look."""
        self.context.on("response", self._answered)
        self.keeper.on("crash", self._give_up)

    def _answered(self, response: Response) -> None:
        if REMEMBERED in response.headers:
            self._give_up()

    def _give_up(self, *_: object) -> None:
        self.can_be_emptied = False

    def empty(self) -> bool:
        """Make it as it was; False when that cannot be known."""
        if not self.can_be_emptied or self.context.pages != [self.keeper]:
            return False
        try:
            self.keeper.wait_for_function("true", timeout=ANSWER_MS)
            self.session.send("Network.clearBrowserCache")
            self.session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
            if self.cookies:
                self.context.add_cookies(self.cookies)
        except Error:
            return False
        self.looks += 1
        return True

    def close(self) -> None:
        """End it."""
        with suppress(Error):
            self.context.close()


@dataclass
class Profiles:
    """The profiles of one browser that wait for another look, the one that was used last at the end."""

    session: BrowserSession
    most_waiting: int
    """Each has a process. What is beyond is ended, the one that waited longest first."""
    _waiting: list[tuple[Hashable, Profile]] = field(default_factory=list)

    @contextmanager
    def tab(
        self,
        viewport: Viewport,
        identity: str | None,
        kind: Hashable,
        prepare: Callable[[BrowserContext], None],
        *,
        fresh: bool = False,
    ) -> Iterator[tuple[Page, Profile]]:
        """A tab in an empty profile, signed in as an identity; raises GatherError when sign-in fails.

        `prepare` makes a new profile one of this `kind`. `fresh`: one that was never used, and will not be used again.
        """
        kind = (viewport, identity, kind)
        profile = (None if fresh else self._take(kind)) or self._new(viewport, identity, prepare)
        try:
            tab = profile.context.new_page()
            yield tab, profile
            with suppress(Error):  # then it is not empty, and is given up
                tab.close()
        except BaseException:
            profile.close()
            raise
        if not fresh and profile.empty():
            self._waiting.append((kind, profile))
        else:
            profile.close()
        while len(self._waiting) > self.most_waiting:
            self._waiting.pop(0)[1].close()

    def close(self) -> None:
        """End all that wait; those of a browser that ended are ended already."""
        while self._waiting:
            self._waiting.pop()[1].close()

    def _take(self, kind: Hashable) -> Profile | None:
        found = next((place for place in reversed(self._waiting) if place[0] == kind), None)
        if found is None:
            return None
        self._waiting.remove(found)
        return found[1]

    def _new(self, viewport: Viewport, identity: str | None, prepare: Callable[[BrowserContext], None]) -> Profile:
        context = self.session.new_context(viewport, identity)
        try:
            prepare(context)
            keeper = context.new_page()
            state = self.session.sign_in(identity) if identity else {}
            profile = Profile(context, keeper, context.new_cdp_session(keeper), list(state.get("cookies", [])))
            # What a sign-in stored besides cookies would have to be stored anew.
            profile.can_be_emptied = not state.get("origins")
        except BaseException:
            with suppress(Error):
                context.close()
            raise
        return profile
