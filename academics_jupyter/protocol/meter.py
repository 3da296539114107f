"""How fast something goes, over the last seconds. Pure; imports nothing of the package."""

from __future__ import annotations

from collections import deque

WINDOW_S = 5.0
SLOTS = 20


class Meter:
    """Bytes over the last WINDOW_S, or over the time since the first of them where that is shorter."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int]] = deque()
        self._since_s: float | None = None
        self.total_bytes = 0

    def add(self, count: int, now_s: float) -> None:
        """So many bytes have gone."""
        if self._since_s is None:
            self._since_s = now_s
        slot = int(now_s * SLOTS / WINDOW_S)
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, self._slots[-1][1] + count)
        else:
            self._slots.append((slot, count))
            self._forget(slot)
        self.total_bytes += count

    def rate_bytes_s(self, now_s: float) -> float:
        """Bytes a second; 0 where nothing has gone of late."""
        self._forget(int(now_s * SLOTS / WINDOW_S))
        if self._since_s is None or not self._slots:
            return 0.0
        over_s = min(WINDOW_S, max(now_s - self._since_s, WINDOW_S / SLOTS))
        return sum(count for _, count in self._slots) / over_s

    def _forget(self, slot: int) -> None:
        while self._slots and self._slots[0][0] <= slot - SLOTS:
            self._slots.popleft()
