"""Whether somebody looks at a part of the panel, as its views in the browser tell."""

from __future__ import annotations

import time
from collections.abc import Callable

LEASE_S = 45.0
"""A view that is in sight says so every 20 s; one whose page has gone cannot say that it has."""


class Sight:
    """The views of one part that are in sight."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._until_s: dict[str, float] = {}

    def note(self, view: str, seen: bool) -> None:
        """A view has come into sight, is still in it, or has left it."""
        self._until_s.pop(view, None)
        if seen:
            self._until_s[view] = self._now_s() + LEASE_S

    def __bool__(self) -> bool:
        now_s = self._now_s()
        return any(until_s > now_s for until_s in self._until_s.values())
