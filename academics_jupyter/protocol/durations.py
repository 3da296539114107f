"""How long something will still take, as people say it. Imports nothing."""

from __future__ import annotations

import math

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_STEP_S = 5
"""Seconds are said in steps: nobody can read a number that changes with every look."""


def left_text(left_s: float | None) -> str:
    """The time left in words, such as "about 2 min left"; empty where it is not known."""
    if left_s is None or not math.isfinite(left_s):
        return ""
    if left_s <= _STEP_S:
        return "a few seconds left"
    for most_s, unit_s, unit in ((_MINUTE_S, 1, "s"), (90 * _MINUTE_S, _MINUTE_S, "min"), (2 * _DAY_S, _HOUR_S, "h")):
        step = _STEP_S if unit_s == 1 else 1
        count = math.ceil(left_s / unit_s / step) * step
        if left_s <= most_s and count * unit_s <= most_s:
            return f"about {count} {unit} left"
    days = math.ceil(left_s / _DAY_S)
    return f"about {days} days left" if days <= 365 else "more than a year left"
