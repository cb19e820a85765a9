"""Waivers of a target: `<baselines>/<target>/waivers.toml`, reviewed like code.

```toml
[[waiver]]
check = "axe"
subject = "dashboard@phone"
owner = "Ada"
reason = "contrast of the old logo, replaced in the next release"
ticket = "UI-231"
expires = 2026-12-24T00:00:00Z
```
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evidence_store.model import Waiver
from tasks.plan import PlanError, problems_of

_WAIVERS = TypeAdapter(tuple[Waiver, ...])


def read_waivers(folder: Path) -> tuple[Waiver, ...]:
    """The waivers of a target, none when there is no such file; raises PlanError when it is not as it must be."""
    path = folder / "waivers.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise PlanError(str(path), [f"cannot be read: {error}"]) from error
    if set(content) - {"waiver"}:
        raise PlanError(str(path), [f"unknown key '{key}'; known: waiver" for key in sorted(set(content) - {"waiver"})])
    try:
        return _WAIVERS.validate_python(content.get("waiver", []))
    except ValidationError as error:
        raise PlanError(str(path), problems_of(error)) from error
