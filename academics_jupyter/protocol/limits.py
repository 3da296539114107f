"""How fast bytes may go: a token bucket. Imports nothing; told what time it is.

Invariants
- Within any stretch of time, what is let through in portions is at most rate * time + burst.
- Reservations are let through in the order in which they were made.
"""

from __future__ import annotations

BURST_S = 0.25
"""What was not used is kept for this long: a limit holds over a moment, not over an hour."""
SMALLEST_PORTION_BYTES = 4096


class Bucket:
    """A limit in bytes per second; 0 is none."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._due_s = float("-inf")

    def portion(self, most_bytes: int) -> int:
        """How many of `most_bytes` to reserve at once, so that bytes flow rather than come in lumps."""
        if not self._bytes_per_s:
            return most_bytes
        return min(most_bytes, max(SMALLEST_PORTION_BYTES, int(self._bytes_per_s * BURST_S)))

    def reserve(self, count: int, now_s: float) -> float:
        """The seconds to wait before `count` bytes may go, which are reserved whatever is done then."""
        if not self._bytes_per_s:
            return 0.0
        self._due_s = max(self._due_s, now_s - BURST_S) + count / self._bytes_per_s
        return max(0.0, self._due_s - now_s)
