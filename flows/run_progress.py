"""What a run tells while it goes on, for whoever shows it in the same process; without a listener nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Listener = Callable[[str, str, dict[str, Any]], None]
"""Called with (event, name, details). Events: a phase's name, `opened`, `wrong release`, `source`, `looked`, `sealed`,
`done`."""

_listeners: list[Listener] = []


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    """Tell these listeners what goes on inside."""
    _listeners.extend(listeners)
    try:
        yield
    finally:
        for listener in listeners:
            _listeners.remove(listener)


def announce(event: str, name: str, **details: Any) -> None:
    """Tell every listener."""
    for listener in _listeners:
        listener(event, name, details)
