"""Who is online, as one peer can prove it to itself: every state, every boundary, wrong clocks, replays and floods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.membership import MAX_MEMBERS, Membership
from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, VOTE_LIFETIME_MS, Presence, Vote

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CLOCKS_MS = [-DAY_MS, -HOUR_MS, -PRESENCE_LEASE_MS, -1_000, 0, 1_000, HOUR_MS, DAY_MS]
"""How far a clock is off."""


def presence(
    peer: str = "ada", rank: tuple[int, int] = (1, 1), *, at_ms: int = 0, online: bool = True,
    lease_ms: int = PRESENCE_LEASE_MS, busy: bool = False,
) -> Presence:  # fmt: skip
    return Presence(
        peer=peer,
        epoch=rank[0],
        sequence=rank[1],
        issued_at_ms=NOW_MS + at_ms,
        expires_at_ms=NOW_MS + at_ms + lease_ms,
        name=peer,
        urls=("https://192.0.2.7:4433",),
        certificate="00" * 32,
        online=online,
        busy=busy,
    )


def vote(voter: str, target: str = "ada", *, epoch: int = 1, sequence: int = 1, failed: bool = True) -> Vote:
    return Vote(
        peer=voter,
        epoch=1,
        sequence=sequence,
        issued_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + VOTE_LIFETIME_MS,
        target=target,
        target_epoch=epoch,
        failed=failed,
    )


def knowing(*peers: str, ratio: float = 0.5) -> Membership:
    """Has heard just now that these are online."""
    known = Membership(ratio, 1_000)
    for peer in peers:
        assert known.hear(presence(peer), NOW_MS)
    return known


def states(known: Membership, after_ms: int = 0, peer: str = "ada") -> tuple[bool, bool, bool, bool]:
    """Whether a peer is fresh, online, active, removed."""
    now_ms = NOW_MS + after_ms
    return (
        known.is_fresh(peer, now_ms),
        peer in known.online(now_ms),
        peer in known.active(now_ms),
        known.is_removed(peer, now_ms),
    )


ACTIVE = (True, True, True, False)
REMOVED = (True, True, False, True)
AWAY = (False, False, False, False)
"""Left, lapsed or never heard of."""


# The table


def test_one_never_heard_of_is_away() -> None:
    known = knowing("bob")
    assert states(known) == AWAY
    assert known.presence("ada") is None
    assert known.disconnected_count("ada", NOW_MS) == 0


def test_one_that_says_it_is_online_is_active() -> None:
    known = knowing("ada", "bob")
    assert states(known) == ACTIVE
    assert known.presence("ada") == presence()
    assert known.active(NOW_MS) == known.online(NOW_MS) == {"ada": presence(), "bob": presence("bob")}


@pytest.mark.parametrize("busy", [True, False])
def test_a_busy_one_is_active_like_any_other(busy: bool) -> None:
    known = knowing("bob")
    known.hear(presence(busy=busy), NOW_MS)
    assert states(known) == ACTIVE


@pytest.mark.parametrize(("after_ms", "state"), [(0, ACTIVE), (89_999, ACTIVE), (90_000, AWAY), (DAY_MS, AWAY)])
def test_one_that_is_not_heard_of_within_the_lease_has_lapsed(after_ms: int, state: tuple[bool, ...]) -> None:
    assert states(knowing("ada"), after_ms) == state


def test_a_renewal_begins_the_lease_anew() -> None:
    known = knowing("ada")
    assert known.hear(presence(rank=(1, 2), at_ms=30_000), NOW_MS + 30_000)
    assert states(known, 119_999) == ACTIVE
    assert states(known, 120_000) == AWAY


def test_one_that_leaves_is_away_at_once_until_it_returns() -> None:
    known = knowing("ada")
    assert known.hear(presence(rank=(1, 2), online=False), NOW_MS)
    assert states(known) == AWAY
    assert known.hear(presence(rank=(2, 3)), NOW_MS)
    assert states(known) == ACTIVE


def test_one_first_heard_of_as_it_leaves_is_away() -> None:
    known = knowing()
    assert known.hear(presence(online=False), NOW_MS)
    assert states(known) == AWAY


@pytest.mark.parametrize(
    ("voters", "others", "state"),
    [
        (0, 0, ACTIVE),
        (0, 7, ACTIVE),
        (1, 1, ACTIVE),
        (1, 2, ACTIVE),
        (2, 2, REMOVED),
        (2, 3, ACTIVE),
        (3, 3, REMOVED),
        (4, 7, ACTIVE),
        (5, 7, REMOVED),
    ],
)
def test_votes_of_more_than_half_of_those_online_remove(voters: int, others: int, state: tuple[bool, ...]) -> None:
    peers = [f"peer {number}" for number in range(others)]
    known = knowing("ada", *peers)
    for voter in peers[:voters]:
        assert known.hear_vote(vote(voter), NOW_MS)
    assert states(known) == state
    assert known.disconnected_count("ada", NOW_MS) == voters
    assert set(known.online(NOW_MS)) == {"ada", *peers}, "the lease is fresh all the same"


# Votes and who casts them


def removing() -> Membership:
    """Ada is removed by bob and cleo."""
    known = knowing("ada", "bob", "cleo")
    for voter in ("bob", "cleo"):
        known.hear_vote(vote(voter), NOW_MS)
    assert states(known) == REMOVED
    return known


def test_a_higher_epoch_leaves_the_votes_behind() -> None:
    known = removing()
    assert known.hear(presence(rank=(2, 2)), NOW_MS)
    assert states(known) == ACTIVE
    assert known.disconnected_count("ada", NOW_MS) == 0


def test_a_renewal_in_the_same_epoch_does_not() -> None:
    known = removing()
    known.hear(presence(rank=(1, 2)), NOW_MS)
    assert states(known) == REMOVED


def test_a_vote_that_is_taken_back_brings_its_target_back() -> None:
    known = removing()
    assert known.hear_vote(vote("bob", sequence=2, failed=False), NOW_MS)
    assert states(known) == ACTIVE


def test_a_voter_that_leaves_takes_its_vote_along() -> None:
    known = removing()
    known.hear(presence("cleo", (1, 2), online=False), NOW_MS)
    assert states(known) == ACTIVE
    assert known.disconnected_count("ada", NOW_MS) == 1


@pytest.mark.parametrize(
    ("after_ms", "state", "count"), [(89_999, REMOVED, 2), (119_999, REMOVED, 2), (120_000, ACTIVE, 0)]
)
def test_votes_that_are_not_renewed_expire(after_ms: int, state: tuple[bool, ...], count: int) -> None:
    known = removing()
    for peer in ("ada", "bob", "cleo"):
        known.hear(presence(peer, (1, 2)), NOW_MS + 60_000)
    known.forget(NOW_MS + after_ms)
    assert states(known, after_ms) == state
    assert known.disconnected_count("ada", NOW_MS + after_ms) == count


def test_the_votes_of_voters_whose_lease_has_run_out_do_not_count() -> None:
    known = removing()
    known.hear(presence(rank=(1, 2)), NOW_MS + 60_000)
    assert states(known, 89_999) == REMOVED
    assert states(known, 90_000) == ACTIVE


def test_one_whose_lease_has_run_out_is_away_and_not_removed() -> None:
    known = removing()
    for voter in ("bob", "cleo"):
        known.hear(presence(voter, (1, 2)), NOW_MS + 60_000)
    assert states(known, PRESENCE_LEASE_MS - 1) == REMOVED
    assert states(known, PRESENCE_LEASE_MS) == AWAY


@pytest.mark.parametrize(
    ("ballot", "is_news"),
    [
        (vote("bob"), True),
        (vote("eve"), False),
        (vote("bob", "eve"), False),
        (vote("ada"), False),
        (vote("bob", epoch=2), True),
        (vote("bob", failed=False), True),
    ],
    ids=["", "voter unknown", "target unknown", "on itself", "of a later epoch", "taken back"],
)
def test_votes_among_those_known_are_heard(ballot: Vote, is_news: bool) -> None:
    known = knowing("ada", "bob")
    assert known.hear_vote(ballot, NOW_MS) is is_news
    assert not known.hear_vote(ballot, NOW_MS), "once"
    assert states(known) == ACTIVE


def test_a_vote_heard_before_the_presence_that_it_is_about_counts_once_that_is_heard() -> None:
    known = knowing("ada", "bob", "cleo")
    for voter in ("bob", "cleo"):
        known.hear_vote(vote(voter, epoch=2), NOW_MS)
    assert states(known) == ACTIVE
    known.hear(presence(rank=(2, 2)), NOW_MS)
    assert states(known) == REMOVED


def test_a_vote_on_one_who_has_left_changes_nothing_when_it_returns() -> None:
    known = removing()
    known.hear(presence(rank=(1, 2), online=False), NOW_MS)
    known.hear(presence(rank=(2, 3)), NOW_MS)
    assert states(known) == ACTIVE


# Which presence counts


@pytest.mark.parametrize(
    ("rank", "is_news"),
    [((2, 4), False), ((2, 5), False), ((2, 6), True), ((1, 9), False), ((3, 1), True), ((3, 0), True)],
)
@pytest.mark.parametrize("online", [True, False])
def test_the_highest_epoch_and_sequence_counts(rank: tuple[int, int], online: bool, is_news: bool) -> None:
    known = Membership(0.5, 1_000)
    old, new = presence(rank=(2, 5)), presence(rank=rank, online=online)
    known.hear(old, NOW_MS)
    assert known.hear(new, NOW_MS) is is_news
    assert known.presence("ada") == (new if is_news else old)
    assert states(known) == (ACTIVE if online or not is_news else AWAY)


@given(
    heard=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5), st.booleans()), min_size=1, max_size=12),
    replayed=st.lists(st.integers(0, 11), max_size=12),
    after_ms=st.integers(0, 2 * DAY_MS),
)
def test_a_replay_changes_nothing_at_any_time(
    heard: list[tuple[int, int, bool]], replayed: list[int], after_ms: int
) -> None:
    known = knowing("bob")
    records = [presence(rank=(epoch, sequence), online=online) for epoch, sequence, online in heard]
    for record in records:
        known.hear(record, NOW_MS)
    newest = known.presence("ada")
    assert newest is not None
    assert newest.rank == max(record.rank for record in records)
    before = states(known, after_ms)
    known.forget(NOW_MS + after_ms)
    assert not any(known.hear(records[index % len(records)], NOW_MS + after_ms) for index in replayed)
    assert known.presence("ada") == newest
    assert states(known, after_ms) == before


# Clocks


@pytest.mark.parametrize("clock_ms", CLOCKS_MS)
def test_whatever_a_peers_clock_says_its_renewals_keep_it_and_their_end_ends_it(clock_ms: int) -> None:
    known = knowing("bob")
    known.hear(presence(at_ms=clock_ms), NOW_MS)
    for number in range(1, 10):
        after_ms = number * PRESENCE_LEASE_MS // 3
        assert states(known, after_ms) == ACTIVE
        known.hear(presence(rank=(1, 1 + number), at_ms=clock_ms + after_ms), NOW_MS + after_ms)
        last_ms = after_ms
    assert states(known, last_ms + PRESENCE_LEASE_MS - 1) == ACTIVE
    assert states(known, last_ms + PRESENCE_LEASE_MS) == AWAY


@pytest.mark.parametrize(
    ("issued_ago_ms", "left_ms"),
    [
        (0, 90_000),
        (1, 89_999),
        (30_000, 60_000),
        (44_999, 45_001),
        (45_000, 45_000),
        (45_001, 45_000),
        (90_000, 45_000),
        (HOUR_MS, 45_000),
        (DAY_MS, 45_000),
        (-1, 90_000),
        (-HOUR_MS, 90_000),
        (-DAY_MS, 90_000),
    ],
)
def test_a_stranger_may_have_renewed_its_lease_a_while_ago(issued_ago_ms: int, left_ms: int) -> None:
    known = knowing("bob")
    known.hear(presence(at_ms=-issued_ago_ms), NOW_MS)
    assert states(known, left_ms - 1) == ACTIVE
    assert states(known, left_ms) == AWAY


def test_an_old_presence_brings_nobody_back_for_a_whole_lease() -> None:
    known = knowing("ada", "bob")
    after_ms = PRESENCE_LEASE_MS + 1
    assert states(known, after_ms) == AWAY
    assert known.hear(presence(rank=(1, 2), at_ms=-HOUR_MS), NOW_MS + after_ms)
    assert states(known, after_ms + PRESENCE_LEASE_MS // 2 - 1) == ACTIVE
    assert states(known, after_ms + PRESENCE_LEASE_MS // 2) == AWAY


def test_a_link_counts_as_a_fresh_lease_but_not_for_who_has_left() -> None:
    known = knowing("ada", "bob")
    known.link_up("ada")
    assert states(known, DAY_MS) == ACTIVE
    known.link_down("ada")
    assert states(known, DAY_MS) == AWAY
    known.link_up("ada")
    known.hear(presence(rank=(1, 2), online=False), NOW_MS + DAY_MS)
    assert states(known, DAY_MS) == AWAY


@pytest.mark.parametrize("hearer_ms", CLOCKS_MS)
@pytest.mark.parametrize("peer_ms", CLOCKS_MS)
def test_a_lease_ends_by_the_hearers_clock_however_the_two_differ(hearer_ms: int, peer_ms: int) -> None:
    known, heard_ms = Membership(0.5, 1_000), NOW_MS + hearer_ms
    known.hear(presence(at_ms=peer_ms), heard_ms)
    known.hear(presence(rank=(1, 2), at_ms=peer_ms + 1), heard_ms + 1)
    assert known.is_fresh("ada", heard_ms + PRESENCE_LEASE_MS)
    assert not known.is_fresh("ada", heard_ms + PRESENCE_LEASE_MS + 1)


@pytest.mark.parametrize(
    ("asked_ms", "given_ms"),
    [(-DAY_MS, 0), (-1, 0), (0, 0), (1, 1), (45_000, 45_000), (90_000, 90_000), (90_001, 90_000), (DAY_MS, 90_000)],
)
def test_a_lease_is_as_long_as_asked_for_but_no_longer_than_all_have(asked_ms: int, given_ms: int) -> None:
    known = knowing("bob")
    known.hear(presence(lease_ms=asked_ms), NOW_MS)
    assert states(known, given_ms) == AWAY
    assert given_ms == 0 or states(known, given_ms - 1) == ACTIVE


# Large meshes


def test_only_those_linked_and_voted_on_are_contested_and_only_where_all_cannot_try_all() -> None:
    known = Membership(0.5, triers=3)
    for peer in ("ada", "bob", "cleo"):
        known.hear(presence(peer), NOW_MS)
        known.link_up(peer)
    known.hear_vote(vote("bob"), NOW_MS)
    assert known.contested(NOW_MS) == {}, "three can all try each other"
    known.hear(presence("dora"), NOW_MS)
    assert known.contested(NOW_MS) == {"ada": 1}
    known.hear_vote(vote("cleo", sequence=1), NOW_MS)
    assert states(known) == REMOVED
    for sequence, voter in enumerate(("dora", "bob"), start=2):
        known.hear_vote(vote(voter, sequence=sequence, failed=False), NOW_MS)
    assert states(known) == ACTIVE, "one of three who tried"
    known.link_down("ada")
    assert known.contested(NOW_MS) == {}


# Floods


def test_a_flood_of_strangers_stops_somewhere_and_those_known_stay() -> None:
    known = knowing("ada", "bob")
    taken = sum(known.hear(presence(f"forged {number}"), NOW_MS) for number in range(MAX_MEMBERS + 100))
    assert taken == MAX_MEMBERS - 2
    assert len(known.online(NOW_MS)) == MAX_MEMBERS
    assert states(known) == ACTIVE
    assert known.hear(presence(rank=(1, 2)), NOW_MS + 60_000), "who is known is heard as before"
    assert states(known, 60_000 + PRESENCE_LEASE_MS - 1) == ACTIVE
    assert not known.hear(presence("newcomer"), NOW_MS + PRESENCE_LEASE_MS)
    known.forget(NOW_MS + PRESENCE_LEASE_MS)
    assert known.hear(presence("newcomer"), NOW_MS + PRESENCE_LEASE_MS), "those who have lapsed make room"


def test_a_flood_of_votes_by_strangers_is_not_heard() -> None:
    known = knowing("ada", "bob")
    assert not any(known.hear_vote(vote(f"forged {number}"), NOW_MS) for number in range(10_000))
    assert states(known) == ACTIVE


def test_forgetting_keeps_what_an_old_presence_must_not_replace() -> None:
    known = knowing("ada")
    known.hear(presence(rank=(1, 2), online=False), NOW_MS)
    known.forget(NOW_MS + DAY_MS)
    assert not known.hear(presence(), NOW_MS + DAY_MS)
    assert states(known, DAY_MS) == AWAY
