"""Reading of untrusted answers, shared by everything that imports or judges JSON. Pure."""

from __future__ import annotations

import json
from typing import Any


def parse_json(body: bytes, content_type: str) -> tuple[Any, str | None]:
    """(content, None), or (None, why this is not JSON). HTML in place of JSON is named, as a login page often is."""
    if body.lstrip()[:1] == b"<" or "html" in content_type.lower():
        return None, f"HTML in place of JSON (content type '{content_type or 'none'}'): often a login or error page"
    try:
        return json.loads(body), None
    except (ValueError, RecursionError) as error:
        return None, f"not JSON: {error}"


def at_pointer(content: Any, pointer: str) -> tuple[Any, str | None]:
    """(value, None) at a JSON pointer (RFC 6901), or (None, where it ends)."""
    value = content
    for step in pointer.split("/")[1:]:  # the empty pointer has no step: it is the whole document
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None, f"{pointer} is not there"
    return value, None
