"""The plan's table for manual sweeps, and evidence of the files a sweep consists of."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from evidence_store.model import Artifact, Evidence
from tasks.plan import CheckOptions, Name, Plan

MANUAL_A11Y = "manual-a11y"
LONGEST_AGE_DAYS = 366


class ManualA11yOptions(CheckOptions):
    """The plan's table for manual-a11y."""

    sweeps: tuple[Name, ...] = Field(min_length=1)
    """Sweeps that must be walked: `approvals` is baselines/<target>/manual-a11y/approvals.yaml."""
    signed: bool = True
    """False accepts a record without a signature; a signature that is there is verified all the same."""
    max_age_days: int = Field(default=90, ge=1, le=LONGEST_AGE_DAYS)
    """Days after which a record no longer counts, even when it gives itself longer."""
    same_release: bool = False
    """True accepts only a record that was made on the release under test."""

    @field_validator("sweeps")
    @classmethod
    def each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """A sweep that is named twice would be expected twice."""
        if repeated := sorted({name for name in value if value.count(name) > 1}):
            raise ValueError(f"sweeps names {', '.join(repeated)} more than once")
        return value


def planned_sweeps(plan: Plan) -> tuple[str, ...]:
    """Names of the sweeps that a plan asks for."""
    options = plan.checks.get(MANUAL_A11Y)
    return options.sweeps if isinstance(options, ManualA11yOptions) else ()


def subject_of(sweep: str) -> str:
    """What findings on a sweep speak of."""
    return f"sweep:{sweep}"


class ManualSweep(Evidence):
    """The files of one sweep, as they lay in the baselines folder when the run looked; None for one that was not there.

    What they hold is not looked at while gathering.
    """

    kind: ClassVar[str] = "manual-sweep"

    name: str
    sweep: Artifact | None = None
    """Steps and expectations (YAML)."""
    record: Artifact | None = None
    """What a person found: the record itself, or a DSSE envelope around it (JSON)."""
    signers: Artifact | None = None
    """Whose signatures count (TOML, public keys only)."""
