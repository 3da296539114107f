"""Which of two links is kept: both ends must keep the same one. With whom links are kept in a mesh of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.mesh import LinkFacts, keeps_new, most_kept, part, part_size, surplus

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


# The part of a large mesh

MAX_LINKS = 16
CROWDS = st.sets(st.integers(0, 999), max_size=60).map(lambda numbers: {f"peer {number}" for number in numbers})
LIMITS = st.integers(1, 24)


@pytest.mark.parametrize(
    ("max_links", "size"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 3), (16, 12), (127, 95), (128, 96), (1_000, 750)]
)
def test_a_quarter_of_the_links_is_left_for_when_they_are_needed(max_links: int, size: int) -> None:
    assert part_size(max_links) == size


@given(others=CROWDS, max_links=LIMITS)
def test_the_part_is_all_of_a_few_and_as_many_as_there_is_room_for_of_many(others: set[str], max_links: int) -> None:
    kept = part("me", others, max_links)
    assert kept <= others
    assert len(kept) == min(len(others), part_size(max_links))


@given(others=CROWDS, max_links=LIMITS)
def test_the_part_stays_the_same_in_whichever_order_the_others_are_known(others: set[str], max_links: int) -> None:
    assert part("me", sorted(others), max_links) == part("me", sorted(others, reverse=True), max_links)


@given(others=CROWDS, max_links=LIMITS, newcomer=st.integers(1_000, 9_999))
def test_one_that_comes_or_goes_changes_the_part_by_one_at_most(
    others: set[str], max_links: int, newcomer: int
) -> None:
    without, with_it = part("me", others, max_links), part("me", others | {f"peer {newcomer}"}, max_links)
    assert with_it - without <= {f"peer {newcomer}"}
    assert len(without - with_it) <= 1


@given(others=CROWDS, max_links=LIMITS, gone=st.integers(0, 999))
def test_one_of_whom_no_link_is_kept_changes_nothing_by_going(others: set[str], max_links: int, gone: int) -> None:
    kept = part("me", others, max_links)
    if f"peer {gone}" not in kept:
        assert part("me", others - {f"peer {gone}"}, max_links) == kept


def crowd(size: int) -> dict[str, frozenset[str]]:
    """The part of each peer of a mesh in which everybody knows everybody."""
    peers = [f"peer {number}" for number in range(size)]
    return {peer: part(peer, [other for other in peers if other != peer], MAX_LINKS) for peer in peers}


def test_two_peers_mostly_pick_each_other() -> None:
    parts = crowd(400)
    picked = [(peer, other) for peer, kept in parts.items() for other in kept]
    assert sum(peer in parts[other] for peer, other in picked) > 0.6 * len(picked)


def test_everybody_is_picked_by_about_as_many() -> None:
    parts = crowd(400)
    counts = [sum(peer in kept for kept in parts.values()) for peer in parts]
    assert min(counts) >= 1
    assert max(counts) <= 3 * part_size(MAX_LINKS)


def test_a_large_mesh_hangs_together() -> None:
    parts = crowd(400)
    seen, reached = {"peer 0"}, ["peer 0"]
    while reached:
        peer = reached.pop()
        near = parts[peer] | {other for other, kept in parts.items() if peer in kept}
        reached += near - seen
        seen |= near
    assert seen == parts.keys()


@given(others=CROWDS, linked=CROWDS, max_links=LIMITS)
def test_of_many_only_as_many_are_dialled_as_are_missing(others: set[str], linked: set[str], max_links: int) -> None:
    kept, links = part("me", others, max_links, linked), others & linked
    assert kept <= others
    if len(others) > part_size(max_links):
        assert links <= kept
        assert len(kept) == max(len(links), part_size(max_links))
        assert kept - links <= part("me", others - links, max_links) or len(others - links) <= part_size(max_links)


@given(spare=CROWDS, count=st.integers(-5, 80))
def test_whom_one_is_drawn_to_most_is_hung_up_on_last(spare: set[str], count: int) -> None:
    gone = surplus("me", spare, count)
    assert gone <= spare
    assert len(gone) == min(max(count, 0), len(spare))
    assert surplus("me", spare - gone, 1) <= surplus("me", spare, count + 1) or count < 0


@given(max_links=st.integers(0, 1_000))
def test_what_is_kept_leaves_room_and_is_no_less_than_the_part(max_links: int) -> None:
    assert part_size(max_links) <= most_kept(max_links) <= max(max_links, 1)
    assert max_links < 2 or most_kept(max_links) < max_links
