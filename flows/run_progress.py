"""What a run tells while it goes on, for whoever shows it in the same process; without a listener nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[[str, str, dict[str, Any]], None]
"""Called with (event, name, details). Events: a phase's name, `source`, `looked`, `done`."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Tell this listener from now on."""
    _listeners.append(listener)


def announce(event: str, name: str, **details: Any) -> None:
    """Tell every listener."""
    for listener in _listeners:
        listener(event, name, details)
