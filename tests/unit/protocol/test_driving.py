"""Who may drive: every row of the table, and that a counting wish leaves one process and no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.driving import WISH_LIFETIME_MS, Wish, may_drive

NOW_MS = 1_700_000_000_000
TOKENS = st.sampled_from(["one", "another", "a third"])


@pytest.mark.parametrize(
    ("age_ms", "others_may"),
    [
        (0, False),
        (1, False),
        (WISH_LIFETIME_MS - 1, False),
        (WISH_LIFETIME_MS, True),
        (WISH_LIFETIME_MS + 1, True),
        (10**12, True),
        (-1, True),
        (-WISH_LIFETIME_MS, True),
    ],
)
def test_the_table(age_ms: int, others_may: bool) -> None:
    wish = Wish("wisher", NOW_MS - age_ms)
    assert may_drive(wish, "wisher", NOW_MS)
    assert may_drive(wish, "another", NOW_MS) is others_may


def test_without_a_wish_anybody_may_drive() -> None:
    assert may_drive(None, "anybody", NOW_MS)


@given(wisher=TOKENS, age_ms=st.integers(-2 * WISH_LIFETIME_MS, 2 * WISH_LIFETIME_MS))
def test_either_the_wisher_alone_may_drive_or_everybody(wisher: str, age_ms: int) -> None:
    wish = Wish(wisher, NOW_MS - age_ms)
    allowed = {token for token in ("one", "another", "a third") if may_drive(wish, token, NOW_MS)}
    assert allowed in ({wisher}, {"one", "another", "a third"})


@given(wisher=TOKENS, token=TOKENS, made_at_ms=st.integers(0, 10**13))
def test_a_wish_that_nobody_renews_keeps_nobody_out_for_longer_than_it_lives(
    wisher: str, token: str, made_at_ms: int
) -> None:
    wish = Wish(wisher, made_at_ms)
    assert may_drive(wish, token, made_at_ms + WISH_LIFETIME_MS)
    assert may_drive(wish, token, made_at_ms - 1)
