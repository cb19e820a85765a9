"""Ends browser processes from within an answer: what a page that crashes its renderer or the whole browser does."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.flows.hostile_server import Exchange


def browsers() -> list[psutil.Process]:
    """Every living Chromium process below this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def killer(wanted: Callable[[list[str]], bool]) -> Callable[[Exchange], None]:
    """In place of an answer, end the browser processes with such a command line, while the page is waiting."""

    def kill(exchange: Exchange) -> None:
        for process in browsers():
            if wanted(process.cmdline()):
                process.kill()
        exchange.hang()

    return kill


def is_renderer(command: list[str]) -> bool:
    return "--type=renderer" in command


def is_browser(command: list[str]) -> bool:
    return not any(word.startswith("--type=") or "crashpad" in word for word in command[:2])
