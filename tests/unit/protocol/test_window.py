"""The window of reads over a link: it fills the link, and what else goes over the link does not wait long."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.window import LEAST_BYTES, MOST_BYTES, SMALLEST_READ_BYTES, Window
from academics_jupyter.protocol.wire import MAX_READ_BYTES


class Line:
    """A link of one speed and one round trip, in simulated time, and a transfer over it."""

    def __init__(self, bytes_per_s: float, round_trip_s: float) -> None:
        self.bytes_per_s, self.round_trip_s = bytes_per_s, round_trip_s
        self.window = Window()
        self.now_s = 0.0
        self.done_bytes = 0
        self._free_s = 0.0
        self._answers: list[tuple[float, float, int]] = []

    def transfer(self, until_s: float, most: int = 1 << 40) -> list[float]:
        """Read for a while, each read no longer than `most`; how long a message sent now would wait, each time."""
        waits_s = []
        while self.now_s < until_s:
            while length := self.window.take(most):
                self._free_s = max(self._free_s, self.now_s) + length / self.bytes_per_s
                heapq.heappush(self._answers, (self._free_s + self.round_trip_s, self.now_s, length))
            self.now_s, asked_s, length = heapq.heappop(self._answers)
            self.window.answered(length, self.now_s - asked_s, self.now_s)
            self.done_bytes += length
            waits_s.append(max(0.0, self._free_s - self.now_s))
        return waits_s


@pytest.mark.parametrize("round_trip_s", [0.0005, 0.02, 0.1])
@pytest.mark.parametrize("bytes_per_s", [1e6, 1e7, 1e8])
def test_a_line_is_used_and_a_message_does_not_wait_long_behind_a_transfer(
    bytes_per_s: float, round_trip_s: float
) -> None:
    line = Line(bytes_per_s, round_trip_s)
    line.transfer(5)
    before = line.done_bytes
    waits_s = line.transfer(15)
    assert sorted(waits_s)[int(len(waits_s) * 0.99)] < 0.07
    possible = min(bytes_per_s, MOST_BYTES / (round_trip_s + 2 * MAX_READ_BYTES / bytes_per_s))
    assert line.done_bytes - before > 0.7 * 10 * possible


def test_a_line_that_becomes_slower_is_noticed() -> None:
    line = Line(5e7, 0.01)
    line.transfer(5)
    line.bytes_per_s = 1e6
    line.transfer(7)
    assert max(line.transfer(12)) < 0.1


def test_a_way_that_becomes_longer_is_a_longer_way_and_no_queue() -> None:
    line = Line(1e7, 0.005)
    line.transfer(5)
    line.round_trip_s = 0.1
    line.transfer(30)
    before = line.done_bytes
    line.transfer(40)
    assert line.done_bytes - before > 0.7 * 10 * 1e7


def test_who_asks_for_little_does_not_widen_the_window() -> None:
    window = Window()
    size_bytes = window.size_bytes
    for turn in range(1_000):
        assert window.take(100) == 100
        window.answered(100, 0.001, turn * 0.001)
    assert window.size_bytes == size_bytes


@given(
    st.lists(
        st.tuples(st.integers(1, 1 << 20), st.floats(0, 100, allow_subnormal=False), st.booleans()),
        max_size=200,
    )
)
def test_no_more_is_under_way_than_the_window(steps: list[tuple[int, float, bool]]) -> None:
    window, asked, now_s = Window(), list[int](), 0.0
    for most, took_s, is_answer in steps:
        now_s += took_s
        if is_answer and asked:
            window.answered(asked.pop(0), took_s, now_s)
        elif length := window.take(most):
            assert length <= min(most, MAX_READ_BYTES)
            assert length == most or length >= SMALLEST_READ_BYTES
            assert not asked or sum(asked) + length <= window.size_bytes
            asked.append(length)
        else:
            assert asked
        assert window.under_way_bytes == sum(asked)
        assert LEAST_BYTES <= window.size_bytes <= MOST_BYTES
