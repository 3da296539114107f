"""Which of two links is kept: both ends must keep the same one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.mesh import LinkFacts, keeps_new

EPOCHS = st.integers(0, 3)
PEERS = st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")).filter(lambda pair: pair[0] != pair[1])


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (LinkFacts("a", 1), LinkFacts("b", 2), True),
        (LinkFacts("b", 1), LinkFacts("b", 2), True),
        (LinkFacts("a", 2), LinkFacts("a", 1), False),
        (LinkFacts("b", 1), LinkFacts("a", 1), True),
        (LinkFacts("a", 1), LinkFacts("b", 1), False),
        (LinkFacts("a", 1), LinkFacts("a", 1), True),
        (LinkFacts("b", 1), LinkFacts("b", 1), True),
    ],
)
def test_the_table(old: LinkFacts, new: LinkFacts, kept: bool) -> None:
    assert keeps_new(old, new, "a", "b") is kept
    assert keeps_new(old, new, "b", "a") is kept


@given(pair=PEERS, epoch_of_one=EPOCHS, epoch_of_other=EPOCHS)
def test_both_ends_keep_the_same_of_two_dials_that_crossed_in_whichever_order_each_saw_them(
    pair: tuple[str, str], epoch_of_one: int, epoch_of_other: int
) -> None:
    one, other = pair

    def kept(me: str, peer: str, remote_epoch: int, diallers: tuple[str, str]) -> str:
        old, new = (LinkFacts(dialler, remote_epoch) for dialler in diallers)
        return (new if keeps_new(old, new, me, peer) else old).dialler

    orders = ((one, other), (other, one))
    conclusions = {kept(one, other, epoch_of_other, order) for order in orders}
    conclusions |= {kept(other, one, epoch_of_one, order) for order in orders}
    assert conclusions == {min(pair)}


@given(pair=PEERS, diallers=st.tuples(st.booleans(), st.booleans()), epochs=st.tuples(EPOCHS, EPOCHS))
def test_a_peer_that_started_anew_is_heard_whichever_order_its_links_come_in(
    pair: tuple[str, str], diallers: tuple[bool, bool], epochs: tuple[int, int]
) -> None:
    one, other = pair
    first, second = (LinkFacts(pair[side], epoch) for side, epoch in zip(diallers, epochs, strict=True))
    if first.remote_epoch != second.remote_epoch:
        newest = max((first, second), key=lambda facts: facts.remote_epoch)
        assert keeps_new(first, second, one, other) is (newest is second)
        assert keeps_new(second, first, one, other) is (newest is first)
