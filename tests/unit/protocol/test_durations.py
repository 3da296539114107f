"""The time left, as people say it."""

from __future__ import annotations

import pytest

from academics_jupyter.protocol.durations import left_text


@pytest.mark.parametrize(
    ("left_s", "text"),
    [
        (None, ""),
        (float("inf"), ""),
        (float("nan"), ""),
        (0, "a few seconds left"),
        (5, "a few seconds left"),
        (5.1, "about 10 s left"),
        (41, "about 45 s left"),
        (60, "about 60 s left"),
        (61, "about 2 min left"),
        (119, "about 2 min left"),
        (90 * 60, "about 90 min left"),
        (90 * 60 + 1, "about 2 h left"),
        (48 * 3600, "about 48 h left"),
        (48 * 3600 + 1, "about 3 days left"),
        (1e9, "more than a year left"),
        (1e300, "more than a year left"),
    ],
)
def test_the_time_left_is_said_in_words(left_s: float | None, text: str) -> None:
    assert left_text(left_s) == text
