"""A bucket never lets more through than its rate and one burst, and nobody overtakes."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.limits import BURST_S, SMALLEST_PORTION_BYTES, Bucket

RATES = st.floats(100, 1e9)
ASKED = st.lists(st.tuples(st.integers(0, 1 << 20), st.floats(0, 2)), min_size=1, max_size=40)
"""How many bytes, and how long after the one before."""


def released(rate: float, asked: list[tuple[int, float]]) -> list[tuple[float, int]]:
    """When portions go that are asked for at those moments, whether or not the ones before have gone."""
    bucket = Bucket(rate)
    moments = accumulate(gap_s for _, gap_s in asked)
    portions = [(now_s, bucket.portion(count)) for now_s, (count, _) in zip(moments, asked, strict=True)]
    return [(now_s + bucket.reserve(count, now_s), count) for now_s, count in portions]


@given(rate=RATES, asked=ASKED)
def test_no_stretch_of_time_has_more_than_the_rate_and_a_burst(rate: float, asked: list[tuple[int, float]]) -> None:
    gone = released(rate, asked)
    burst = max(rate * BURST_S, SMALLEST_PORTION_BYTES)
    for first, (begin_s, _) in enumerate(gone):
        for last, (end_s, _) in enumerate(gone[first:], first):
            assert (
                sum(count for _, count in gone[first : last + 1]) <= (rate * (end_s - begin_s) + burst) * 1.000001 + 1
            )


@given(rate=RATES, asked=ASKED)
def test_nobody_overtakes(rate: float, asked: list[tuple[int, float]]) -> None:
    moments = [at_s for at_s, _ in released(rate, asked)]
    assert all(one <= other + 1e-6 for one, other in pairwise(moments))


@given(rate=RATES, count=st.integers(1, 50))
def test_who_always_asks_gets_the_whole_rate(rate: float, count: int) -> None:
    bucket, now_s, sent = Bucket(rate), 0.0, 0
    for _ in range(count):
        portion = bucket.portion(1 << 30)
        now_s += bucket.reserve(portion, now_s)
        sent += portion
    assert sent == pytest.approx(rate * (now_s + BURST_S)) or now_s == 0.0


@pytest.mark.parametrize("count", [0, 1, 1 << 40])
def test_no_limit_lets_all_through_at_once(count: int) -> None:
    bucket = Bucket(0)
    assert (bucket.portion(count), bucket.reserve(count, 1.0), bucket.reserve(count, 1.0)) == (count, 0.0, 0.0)


def test_what_was_not_used_is_soon_no_longer_there() -> None:
    bucket = Bucket(1000)
    assert bucket.reserve(250, 100.0) == 0.0
    assert bucket.reserve(250, 5_000.0) == 0.0
    assert bucket.reserve(500, 5_000.0) == pytest.approx(0.5)
