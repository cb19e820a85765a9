"""Reading of untrusted JSON and YAML, shared by everything that imports or judges them. Pure."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import yaml


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


class _PlainText(yaml.BaseLoader):
    """YAML of maps, lists and texts alone.

    Every plain word is text, so that `no`, `1.10` and a date stay what was written. Aliases are refused (a few lines of
    them can stand for gigabytes), and so are tags and a key that stands twice, of which YAML keeps the last.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"an alias ({_place(event)}): write the text again in its place")
        if getattr(event, "tag", None) not in {None, "!"}:
            raise yaml.YAMLError(f"a tag ({_place(event)}): only maps, lists and texts are read")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.YAMLError(f"a key that is no text ({_place(key)})")
            if key.value in seen:
                raise yaml.YAMLError(f"the key '{key.value}' stands twice ({_place(key)})")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _place(of: Any) -> str:
    return f"line {of.start_mark.line + 1}"


def parse_yaml(content: bytes, most_bytes: int) -> tuple[Any, str | None]:
    """(content, None), or (None, why this is not YAML that is read here). Every scalar is text."""
    if len(content) > most_bytes:
        return None, f"{len(content):,} bytes; at most {most_bytes:,} are read"
    try:
        return yaml.load(content.decode("utf-8-sig"), _PlainText), None  # noqa: S506  - makes texts, lists and maps only
    except UnicodeDecodeError:
        return None, "not UTF-8 text"
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split())[:300] or type(error).__name__
        return None, f"not YAML that is read here: {words}"
