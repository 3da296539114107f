"""Slots for what is served at once: never too many, and nobody is kept out by who came first."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.turns import PATIENCE_S, RETRY_S, Turns

ACTIONS = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.floats(0, 2)), max_size=80)


def taken(turns: Turns, peer: str, now_s: float, most: int) -> int:
    """How many slots a peer gets that asks until it is refused."""
    count = 0
    while count < most and turns.begin(peer, now_s):
        count += 1
    return count


@given(at_once=st.integers(1, 6), actions=ACTIONS)
def test_never_more_are_served_than_may_be(at_once: int, actions: list[tuple[str, bool, float]]) -> None:
    turns, served, now_s = Turns(at_once), Counter[str](), 0.0
    for peer, begins, gap_s in actions:
        now_s += gap_s
        if begins:
            served[peer] += turns.begin(peer, now_s)
        elif served[peer]:
            turns.end(peer)
            served[peer] -= 1
        assert served.total() <= at_once


@pytest.mark.parametrize(("at_once", "most"), [(1, 1), (2, 1), (16, 15)])
def test_one_peer_alone_has_all_slots_but_the_last(at_once: int, most: int) -> None:
    turns = Turns(at_once)
    assert taken(turns, "a", 0.0, 99) == most
    assert turns.begin("b", 0.0) is (at_once > 1)


@given(at_once=st.integers(2, 16), peers=st.integers(2, 5))
def test_those_who_come_later_have_as_many_once_transfers_end(at_once: int, peers: int) -> None:
    names, served, now_s = "abcde"[: min(peers, at_once)], Counter[str](), 0.0
    turns = Turns(at_once)
    served["a"] = taken(turns, "a", now_s, 99)
    for _ in range(40 * at_once):
        now_s += RETRY_S
        ended = max(served, key=lambda peer: served[peer])
        turns.end(ended)
        served[ended] -= 1
        for peer in names:
            served[peer] += turns.begin(peer, now_s)
    assert max(served.values()) - min(served[peer] for peer in names) <= 1
    assert served.total() >= at_once - 1


def test_one_slot_goes_round() -> None:
    turns, order = Turns(1), []
    assert turns.begin("a", 0.0)
    for turn in range(6):
        assert not turns.begin("b" if order[-1:] != ["b"] else "a", turn)
        turns.end(order[-1] if order else "a")
        before = order[-1] if order else "a"
        assert not turns.begin(before, turn + 0.1)
        order.append("b" if before == "a" else "a")
        assert turns.begin(order[-1], turn + 0.2)
    assert order == ["b", "a"] * 3


def test_who_does_not_ask_again_keeps_nobody_waiting() -> None:
    turns = Turns(1)
    assert turns.begin("a", 0.0)
    assert not turns.begin("gone", 0.0)
    turns.end("a")
    assert not turns.begin("a", PATIENCE_S - 1)
    assert turns.begin("a", PATIENCE_S + 1)
