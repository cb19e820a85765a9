"""The targets that have a plan, as the choices of the form in the Prefect UI."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from flows.run_settings import target_names

if TYPE_CHECKING:

    class TargetName(StrEnum):
        """A target with a plan in deployments/targets."""

else:
    # Made when the module is loaded: a form can only offer what was there when the deployment was registered.
    TargetName = StrEnum("TargetName", {name: name for name in target_names()}, module=__name__)
