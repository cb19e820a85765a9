"""Where the elements that axe speaks of lie on the page, so that a judge can cut them out of the picture.

```json
{"scale": 1, "boxes": {"#save": [24, 310.5, 96, 32]}, "left_out": 0}
```
Left, top, width and height are CSS pixels from the document's upper left corner; `scale` is the device pixel ratio.
Elements in frames have none: their coordinates are another document's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error

from evidence_store.model import deindexed

if TYPE_CHECKING:
    from playwright.sync_api import Page

MAX_BOXES = 300
OF_ONE_COMPONENT = 12
"""Elements of one component whose place is asked for. One picture of it is enough; how they look is held against how
they looked when a person answered."""

_BOXES = """
paths => JSON.stringify({
  scale: devicePixelRatio,
  boxes: paths.map(path => {
    let scope = document, element = null;
    for (const selector of path) {
      try { element = scope && scope.querySelector(selector); } catch { return null; }
      if (!element) return null;
      scope = element.shadowRoot;
    }
    const box = element.getBoundingClientRect();
    return [box.left + scrollX, box.top + scrollY, box.width, box.height];
  }),
})
"""


def selector(target: Sequence[Any]) -> str:
    """Axe's way to an element as text: ` >> ` steps into a frame, ` >>> ` into a shadow root."""
    return " >> ".join(" >>> ".join(map(str, step)) if isinstance(step, list) else str(step) for step in target)


def element_boxes(tab: Page, result: Mapping[str, Any]) -> dict[str, Any]:
    """The places of the elements in axe's violations and questions, in the layout the page has now."""
    # The first of each component before the second of any: where there are too many, no component goes without.
    asked = {name: path for _, name, path in sorted(_paths(result), key=itemgetter(0))}
    chosen = dict(list(asked.items())[:MAX_BOXES])
    told: dict[str, Any] = {"scale": 1, "boxes": {}, "left_out": len(asked) - len(chosen)}
    if not chosen:
        return told
    try:
        seen = _parsed(tab.evaluate(_BOXES, list(chosen.values())))
    except Error as error:
        return told | {"problem": f"the page did not tell where its elements are: {str(error).splitlines()[0][:300]}"}
    if seen is None:
        return told | {"problem": "the page told something else than where its elements are"}
    scale, boxes = seen
    places = zip(chosen, boxes, strict=False)
    return told | {"scale": scale, "boxes": {name: box for name, box in places if _is_box(box)}}


def _paths(result: Mapping[str, Any]) -> Iterator[tuple[int, str, list[str]]]:
    """Which element of its component it is, its name, and the way to it."""
    times: Counter[tuple[str, str]] = Counter()
    for part in ("violations", "incomplete"):
        for rule in result[part]:
            for node in rule["nodes"]:
                target = node["target"]
                name = selector(target)
                component = (str(rule["id"]), deindexed(name))
                times[component] += 1
                if len(target) == 1 and times[component] <= OF_ONE_COMPONENT:
                    path = list(target[0]) if isinstance(target[0], list) else [str(target[0])]
                    yield times[component], name, path


def _parsed(text: Any) -> tuple[float, list[Any]] | None:
    # The page may have put its own functions in place of those we call: what comes back is its word.
    try:
        seen = json.loads(text)
        scale, boxes = seen["scale"], seen["boxes"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (float(scale), boxes) if is_length(scale) and scale > 0 and isinstance(boxes, list) else None


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(map(is_length, box)) and box[2] > 0 and box[3] > 0


def is_length(value: Any) -> bool:
    """Whether it is a number of CSS pixels that a page can have; NaN and infinity are not below anything."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e7
