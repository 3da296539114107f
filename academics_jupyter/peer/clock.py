"""The network's time: this machine's clock, set right by the registry's."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds since 1970, as the registry counts them once it has been asked."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def now_ms(self) -> int:
        """The time now."""
        return int(time.time() * 1000) + self.offset_ms

    def set_by(self, registry_ms: int) -> None:
        """The registry has just said what time it is."""
        self.offset_ms = registry_ms - int(time.time() * 1000)
