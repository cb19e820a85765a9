"""How much others work on the machine while a page is measured.

The kernel's own pressure figure (`/proc/pressure/cpu`) counts the measured browser's threads waiting for each other
too: on two idle cores one page load alone shows 0.36, and 0.8 or more beside another process. What others used is
counted instead: all processor time, less that of this process and its children.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True)
class ProcessorReading:
    """Seconds of processor time used until now: by everybody, and by each of our own processes."""

    at: float
    everybody: float
    ours: dict[int, float] = field(default_factory=dict)


def read_processor() -> ProcessorReading:
    """What has been used until now."""
    times = psutil.cpu_times()
    everybody = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    ours = {}
    this = psutil.Process()
    for process in (this, *this.children(recursive=True)):
        try:
            used = process.cpu_times()
        except psutil.Error:  # it ended while we looked
            continue
        ours[process.pid] = used.user + used.system
    return ProcessorReading(time.monotonic(), everybody, ours)


def others_share(before: ProcessorReading, after: ProcessorReading, cores: int) -> float:
    """Share (0 to 1) of the machine's processor time between two readings that was not ours."""
    seconds = after.at - before.at
    if seconds <= 0:
        return 0.0
    # By process: one that ended in between must not be taken for time that others gave back.
    ours = sum(used - before.ours.get(process, 0.0) for process, used in after.ours.items())
    share = (after.everybody - before.everybody - ours) / (seconds * cores)
    return min(1.0, max(0.0, share))


def cores() -> int:
    """Processors of the machine."""
    return os.cpu_count() or 1
