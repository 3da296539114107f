"""The network's time: this machine's clock as it was at first, set right by the registry's whenever that is asked.

It goes by the time since the machine's start, sleep included, so that nobody's setting of the wall clock makes leases
run out or last.
"""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""Counts the time asleep too: the first on Linux, the second on macOS, where `time.monotonic` does not."""


class Clock:
    """Milliseconds since 1970, as the registry counts them once it has been asked."""

    def __init__(self) -> None:
        self._offset_ms = int(time.time() * 1000) - _since_start_ms()

    def now_ms(self) -> int:
        """The time now."""
        return _since_start_ms() + self._offset_ms

    def set_by(self, registry_ms: int) -> None:
        """The registry has just said what time it is."""
        self._offset_ms = registry_ms - _since_start_ms()


def _since_start_ms() -> int:
    return (time.monotonic_ns() if _CLOCK is None else time.clock_gettime_ns(_CLOCK)) // 1_000_000
