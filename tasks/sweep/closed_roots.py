"""Opens closed shadow roots that a document declares (`<template shadowrootmode="closed">`), for all who look.

Those that scripts attach are opened as they are attached (`stabilise`). What the parser attaches no script gets to see:
the browser's own tools do, and hand it to a world of scripts as the `shadowRoot` of its host.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from playwright.sync_api import CDPSession, Error

SIGN = b"shadowrootmode"
"""What a document that declares one holds. To look for roots costs much more than to look for this."""
_OPEN = "function (root) { Object.defineProperty(this, 'shadowRoot', { value: root, configurable: true }); }"


def open_declared(session: CDPSession, world: int | None = None) -> int:
    """Open the closed roots of a session's documents in one world of scripts (None: the page's own); how many."""
    session.send("DOM.enable")
    # The whole tree in one piece would be nested deeper than an answer may be.
    nodes = session.send("DOM.getFlattenedDocument", {"depth": -1, "pierce": True})["nodes"]
    session.send("DOM.disable")
    closed = [
        (node["backendNodeId"], root["backendNodeId"])
        for node in nodes
        for root in node.get("shadowRoots", ())
        if root.get("shadowRootType") == "closed"
    ]
    opened = 0
    for host, root in closed:
        with suppress(Error):  # one that is gone
            arguments = [{"objectId": _resolved(session, root, world)}]
            host_object = _resolved(session, host, world)
            call: dict[str, Any] = {"objectId": host_object, "functionDeclaration": _OPEN, "arguments": arguments}
            opened += "exceptionDetails" not in session.send("Runtime.callFunctionOn", call)
    return opened


def _resolved(session: CDPSession, node: int, world: int | None) -> str:
    where = {} if world is None else {"executionContextId": world}
    return str(session.send("DOM.resolveNode", {"backendNodeId": node, **where})["object"]["objectId"])
