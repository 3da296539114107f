"""Votes: every row of the voter's table and of the tally, on both sides of each boundary."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.records import VOTE_LIFETIME_MS, Vote
from academics_jupyter.protocol.votes import CLOCKS_MS, FAILING_MS, RENEW_MS, Decision, Tally, Voter

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
MANY = 1_000
"""More triers than there are peers here: a small mesh."""


# The voter


def failing(*after_ms: int, epoch: int = 1, target: str = "ada") -> Voter:
    """A voter whose dials of `target` failed at these times."""
    voter = Voter()
    for each_ms in after_ms:
        voter.failed(target, epoch, NOW_MS + each_ms)
    return voter


def decided(voter: Voter, after_ms: int, epoch: int = 1) -> list[Decision]:
    """What it decides about ada while it reaches bob."""
    return voter.decide({"ada": epoch, "bob": 7}, NOW_MS + after_ms)


VOTED = [Decision("ada", 1, failed=True)]


@pytest.mark.parametrize(
    ("failures_ms", "now_ms", "decisions"),
    [
        ((), 0, []),
        ((0,), 0, []),
        ((0,), DAY_MS, []),
        ((0, FAILING_MS), FAILING_MS, []),
        ((0, FAILING_MS), DAY_MS, []),
        ((0, 1, 2), 2, []),
        ((0, 10_000, 20_000), 29_999, []),
        ((0, 10_000, 20_000), 30_000, VOTED),
        ((0, 10_000, 29_999), 29_999, []),
        ((0, 10_000, 30_000), 30_000, VOTED),
        ((0, 0, 0), 30_000, VOTED),
        ((0, 1, 2, 3, 4, 5), 29_999, []),
        ((0, 10_000, 20_000, 30_000, 40_000), 40_000, VOTED),
    ],
)
def test_three_failures_over_thirty_seconds_make_a_vote(
    failures_ms: tuple[int, ...], now_ms: int, decisions: list[Decision]
) -> None:
    voter = failing(*failures_ms)
    assert decided(voter, now_ms) == decisions
    assert voter.has_voted("ada", 1) is bool(decisions)
    assert decided(voter, now_ms) == [], "it is said once"


def test_a_success_begins_the_count_anew() -> None:
    voter = failing(0, 10_000)
    assert voter.succeeded("ada") == []
    assert not voter.fails("ada", 1)
    for each_ms in (20_000, 30_000, 40_000):
        voter.failed("ada", 1, NOW_MS + each_ms)
    assert decided(voter, 49_999) == []
    assert decided(voter, 50_000) == VOTED


def test_a_vote_is_taken_back_once_when_a_dial_succeeds() -> None:
    voter = failing(0, 10_000, 20_000)
    assert decided(voter, 30_000) == VOTED
    assert voter.succeeded("ada") == [Decision("ada", 1, failed=False)]
    assert voter.succeeded("ada") == []
    assert not voter.has_voted("ada", 1)
    assert decided(voter, DAY_MS) == []


@pytest.mark.parametrize("further_failure", [True, False])
def test_a_vote_is_renewed_at_half_its_life(further_failure: bool) -> None:
    voter = failing(0, 10_000, 20_000)
    assert decided(voter, 30_000) == VOTED
    if further_failure:
        voter.failed("ada", 1, NOW_MS + 60_000)
    assert decided(voter, 30_000 + RENEW_MS - 1) == []
    assert decided(voter, 30_000 + RENEW_MS) == VOTED
    assert decided(voter, 30_000 + 2 * RENEW_MS - 1) == []
    assert decided(voter, 30_000 + 2 * RENEW_MS) == VOTED


def test_a_renewal_comes_long_before_the_vote_has_expired() -> None:
    assert RENEW_MS * 2 <= VOTE_LIFETIME_MS


@pytest.mark.parametrize(
    ("epoch", "fails", "old_fails"),
    [(0, False, True), (1, True, True), (2, True, False)],
    ids=["older", "same", "newer"],
)
def test_a_failure_counts_for_the_epoch_dialled_and_a_newer_one_begins_anew(
    epoch: int, fails: bool, old_fails: bool
) -> None:
    voter = failing(0, 10_000, 20_000)
    assert decided(voter, 30_000) == VOTED
    voter.failed("ada", epoch, NOW_MS + 31_000)
    assert voter.fails("ada", epoch) is fails
    assert voter.fails("ada", 1) is old_fails
    assert voter.has_voted("ada", 1) is old_fails
    assert not voter.has_voted("ada", 2)
    assert decided(voter, 61_000, epoch=2) == []


def test_a_dial_of_its_former_address_says_nothing_of_one_who_came_back() -> None:
    voter = failing(0, epoch=2)
    for each_ms in (10_000, 20_000, 30_000):
        voter.failed("ada", 1, NOW_MS + each_ms)
    assert decided(voter, 30_000, epoch=2) == []


def test_two_failures_in_one_epoch_and_two_in_the_next_are_not_four() -> None:
    voter = failing(0, 20_000)
    for each_ms in (30_000, 40_000):
        voter.failed("ada", 2, NOW_MS + each_ms)
    assert decided(voter, 100_000, epoch=2) == []
    voter.failed("ada", 2, NOW_MS + 100_000)
    assert decided(voter, 100_000, epoch=2) == [Decision("ada", 2, failed=True)]


def test_a_vote_on_one_who_came_back_is_not_taken_back_for_it_is_void() -> None:
    voter = failing(0, 10_000, 20_000)
    assert decided(voter, 30_000) == VOTED
    assert decided(voter, 31_000, epoch=2) == []
    assert voter.succeeded("ada") == []


@pytest.mark.parametrize("wanted", [{}, {"bob": 7}, {"ada": 2, "bob": 7}, {"ada": 0, "bob": 7}])
def test_who_is_no_longer_wanted_in_that_epoch_is_forgotten(wanted: dict[str, int]) -> None:
    voter = failing(0, 10_000, 20_000)
    assert voter.decide(wanted, NOW_MS + 30_000) == []
    assert not voter.fails("ada", 1)
    assert decided(voter, 31_000) == []


@pytest.mark.parametrize(
    ("failed", "wanted", "cut_off"),
    [
        (0, 0, False),
        (0, 1, False),
        (1, 1, True),
        (1, 2, False),
        (2, 2, True),
        (1, 3, False),
        (2, 3, True),
        (2, 4, False),
        (3, 4, True),
        (50, 100, False),
        (51, 100, True),
    ],
)
def test_who_reaches_fewer_than_half_of_the_others_abstains(failed: int, wanted: int, cut_off: bool) -> None:
    others = {f"peer {number}": 1 for number in range(wanted)}
    voter, targets = Voter(), list(others)[:failed]
    for each_ms in (0, 10_000, 20_000):
        for target in targets:
            voter.failed(target, 1, NOW_MS + each_ms)
    assert voter.is_cut_off(others) is cut_off
    votes = voter.decide(others, NOW_MS + 30_000)
    assert votes == ([] if cut_off else [Decision(target, 1, failed=True) for target in targets])


def test_only_those_it_wants_links_with_say_whether_it_is_cut_off() -> None:
    voter = failing(0)
    for left in ("bob", "cleo", "dan"):
        voter.failed(left, 1, NOW_MS)
    assert voter.is_cut_off(["ada", "bob", "cleo", "dan", "eve"])
    assert not voter.is_cut_off(["ada", "eve", "fay"])


def test_a_vote_is_not_renewed_while_cut_off() -> None:
    voter = failing(0, 10_000, 20_000)
    assert decided(voter, 30_000) == VOTED
    voter.failed("bob", 7, NOW_MS + 80_000)
    assert decided(voter, 30_000 + RENEW_MS) == []
    assert voter.has_voted("ada", 1), "so that it is taken back once ada answers"
    assert voter.succeeded("ada") == [Decision("ada", 1, failed=False)]


def test_what_failed_while_it_was_cut_off_makes_no_vote_once_it_no_longer_is() -> None:
    voter = failing(0, 10_000, 20_000)
    voter.failed("bob", 7, NOW_MS + 20_000)
    assert decided(voter, 30_000) == []
    assert voter.fails("ada", 1), "as far as is known"
    voter.succeeded("bob")
    assert decided(voter, 30_001) == []
    for each_ms in (30_001, 30_002, 30_003):
        voter.failed("ada", 1, NOW_MS + each_ms)
    assert decided(voter, 59_999) == []
    assert decided(voter, 60_000) == VOTED


def test_who_is_linked_vouches_while_others_vote_and_again_only_when_that_runs_out() -> None:
    voter, vouched = Voter(), [Decision("ada", 1, failed=False)]
    assert voter.vouch({}, NOW_MS) == []
    assert voter.vouch({"ada": 1}, NOW_MS) == vouched
    assert voter.vouch({"ada": 1}, NOW_MS + RENEW_MS - 1) == []
    assert voter.vouch({"ada": 1}, NOW_MS + RENEW_MS) == vouched
    assert voter.vouch({"ada": 2}, NOW_MS + RENEW_MS) == [Decision("ada", 2, failed=False)], "in its new epoch"
    assert voter.vouch({}, NOW_MS + RENEW_MS) == []
    assert voter.vouch({"ada": 2}, NOW_MS + RENEW_MS) == [Decision("ada", 2, failed=False)], "contested once more"


# The tally


def vote(
    voter: str, target: str = "ada", *, epoch: int = 1, sequence: int = 1, failed: bool = True, at_ms: int = 0,
    voter_epoch: int = 1,
) -> Vote:  # fmt: skip
    return Vote(
        peer=voter,
        epoch=voter_epoch,
        sequence=sequence,
        issued_at_ms=NOW_MS + at_ms,
        expires_at_ms=NOW_MS + at_ms + VOTE_LIFETIME_MS,
        target=target,
        target_epoch=epoch,
        failed=failed,
    )


def tally(*votes: Vote, ratio: float = 0.5, triers: int = MANY) -> Tally:
    made = Tally(ratio, triers)
    for each in votes:
        made.hear(each, NOW_MS)
    return made


ONLINE = ["ada", "bob", "cleo", "dan"]


def count(heard: Tally, after_ms: int = 0, epoch: int = 1, online: list[str] = ONLINE) -> int:
    return heard.disconnected_count("ada", epoch, online, NOW_MS + after_ms)


def voters(number: int) -> list[str]:
    return [f"voter {each}" for each in range(number)]


@pytest.mark.parametrize(
    ("failed", "online", "ratio", "gone"),
    [
        (0, 1, 0.5, False),
        (0, 2, 0.0, False),
        (1, 2, 0.0, True),
        (1, 2, 0.5, False),
        (1, 3, 0.5, False),
        (2, 3, 0.5, True),
        (2, 4, 0.5, False),
        (3, 4, 0.5, True),
        (3, 10, 0.3, False),
        (4, 10, 0.3, True),
        (7, 10, 0.7, False),
        (8, 10, 0.7, True),
        (500, 1_000, 0.5, False),
        (501, 1_000, 0.5, True),
        (9, 10, 1.0, False),
        (2, 3, 2 / 3, False),
    ],
)
def test_more_than_the_ratio_of_those_online_removes_and_exactly_the_ratio_does_not(
    failed: int, online: int, ratio: float, gone: bool
) -> None:
    heard = tally(*map(vote, voters(failed)), ratio=ratio)
    everyone = ["ada", *voters(online - 1)]
    assert heard.is_gone("ada", 1, everyone, NOW_MS) is gone
    assert heard.disconnected_count("ada", 1, everyone, NOW_MS) == failed


@pytest.mark.parametrize(
    ("failed", "taken_back", "triers", "gone"),
    [
        (2, 0, 4, False),
        (3, 0, 4, True),
        (3, 0, 5, True),
        (3, 0, 6, False),
        (3, 3, 4, False),
        (4, 3, 4, True),
        (51, 49, 4, True),
        (50, 50, 4, False),
        (0, 10, 4, False),
        (6, 0, 12, False),
        (7, 0, 12, True),
    ],
)
def test_in_a_large_mesh_the_ratio_is_of_those_who_try(failed: int, taken_back: int, triers: int, gone: bool) -> None:
    everyone = voters(1_000)
    votes = (vote(voter, failed=number < failed) for number, voter in enumerate(everyone[: failed + taken_back]))
    heard = tally(*votes, triers=triers)
    assert heard.is_gone("ada", 1, ["ada", *everyone], NOW_MS) is gone


def test_with_nobody_online_nobody_is_gone() -> None:
    assert not tally(vote("bob"), ratio=0.0).is_gone("ada", 1, [], NOW_MS)


@pytest.mark.parametrize(
    ("second", "is_news", "counted"),
    [
        (vote("bob"), False, 1),
        (vote("bob", sequence=0, failed=False), False, 1),
        (vote("bob", sequence=1, failed=False), False, 1),
        (vote("bob", sequence=2, failed=False), True, 0),
        (vote("bob", sequence=2), True, 1),
        (vote("bob", sequence=0, voter_epoch=2, failed=False), True, 0),
        (vote("bob", sequence=9, voter_epoch=0, failed=False), False, 1),
        (vote("bob", sequence=2, epoch=2), True, 0),
        (vote("bob", sequence=2, epoch=0), True, 0),
        (vote("cleo"), True, 2),
        (vote("bob", "cleo", sequence=2), True, 1),
        (vote("ada", sequence=2), False, 1),
        (vote("eve"), True, 1),
    ],
    ids=[
        "again", "older", "same rank", "taken back", "renewed", "voter started anew", "voter's former life",
        "on a newer epoch", "on an older epoch", "another voter", "on another", "on itself", "not online",
    ],
)  # fmt: skip
def test_the_newest_vote_of_each_voter_on_the_present_epoch_counts_once(
    second: Vote, is_news: bool, counted: int
) -> None:
    heard = tally(vote("bob"))
    assert heard.hear(second, NOW_MS) is is_news
    assert count(heard) == counted


def test_a_vote_counts_for_the_epoch_that_it_names_only() -> None:
    heard = tally(vote("bob", epoch=3))
    assert [count(heard, epoch=epoch) for epoch in (2, 3, 4)] == [0, 1, 0]


def test_a_vote_counts_while_its_voter_is_online() -> None:
    heard = tally(vote("bob"))
    assert count(heard, online=["ada", "cleo"]) == 0
    assert count(heard, online=["ada", "bob"]) == 1


def test_a_vote_on_nobody_known_counts_for_nothing() -> None:
    assert tally().disconnected_count("ada", 1, ONLINE, NOW_MS) == 0
    assert not tally(ratio=0.0).is_gone("ada", 1, ONLINE, NOW_MS)


@pytest.mark.parametrize("forgetting", [True, False])
def test_a_vote_ends_at_its_millisecond(forgetting: bool) -> None:
    heard = tally(vote("bob"))
    for after_ms, counted in ((0, 1), (VOTE_LIFETIME_MS - 1, 1), (VOTE_LIFETIME_MS, 0), (DAY_MS, 0)):
        if forgetting:
            heard.forget(NOW_MS + after_ms)
        assert count(heard, after_ms) == counted


def test_a_renewal_prolongs_a_vote_and_does_not_double_it() -> None:
    heard = tally(vote("bob"))
    heard.hear(vote("bob", sequence=2, at_ms=60_000), NOW_MS + 60_000)
    assert count(heard, 60_000) == 1
    assert count(heard, 60_000 + VOTE_LIFETIME_MS - 1) == 1
    assert count(heard, 60_000 + VOTE_LIFETIME_MS) == 0


@pytest.mark.parametrize(
    ("clock_ms", "counts_for_ms"),
    [
        (-DAY_MS, 0),
        (-3_600_000, 0),
        (-VOTE_LIFETIME_MS, 0),
        (1 - VOTE_LIFETIME_MS, 1),
        (-30_000, VOTE_LIFETIME_MS - 30_000),
        (0, VOTE_LIFETIME_MS),
        (30_000, VOTE_LIFETIME_MS),
        (CLOCKS_MS, VOTE_LIFETIME_MS),
        (CLOCKS_MS + 1, 0),
        (3_600_000, 0),
        (DAY_MS, 0),
    ],
)
def test_of_a_voter_whose_clock_is_wrong(clock_ms: int, counts_for_ms: int) -> None:
    """A little does not matter; a vote by a clock that is far off does not count."""
    heard = tally(late := vote("bob", at_ms=clock_ms))
    assert count(heard) == bool(counts_for_ms)
    assert count(heard, max(counts_for_ms - 1, 0)) == bool(counts_for_ms)
    assert count(heard, counts_for_ms) == 0
    heard.forget(NOW_MS + counts_for_ms)
    heard.hear(late, NOW_MS + counts_for_ms)
    assert count(heard, counts_for_ms) == 0, "and is not heard a second time"


@pytest.mark.parametrize("ahead_ms", [0, 1, 60_000, CLOCKS_MS])
@given(replayed_ms=st.integers(0, 2 * DAY_MS))
def test_a_vote_that_was_taken_back_can_never_be_replayed(ahead_ms: int, replayed_ms: int) -> None:
    old = vote("bob", at_ms=ahead_ms)
    heard = tally(old, vote("bob", sequence=2, failed=False, at_ms=ahead_ms))
    heard.forget(NOW_MS + replayed_ms)
    assert not heard.hear(old, NOW_MS + replayed_ms)
    assert count(heard, replayed_ms) == 0


@given(
    heard=st.lists(
        st.builds(
            vote,
            st.sampled_from(["ada", "bob", "cleo", "dan", "eve"]),
            st.sampled_from(["ada", "bob"]),
            epoch=st.integers(1, 2),
            sequence=st.integers(1, 4),
            failed=st.booleans(),
        ),
        max_size=30,
    ),
    random=st.randoms(use_true_random=False),
)
def test_in_whichever_order_and_however_often_votes_come_each_voter_counts_once(
    heard: list[Vote], random: Random
) -> None:
    newest = {(each.target, each.peer, each.rank): each for each in reversed(heard)}
    counted = {each.peer for each in heard if each.target == "ada" and each.target_epoch == 1 and each.failed}
    again = [*newest.values()] * 2
    random.shuffle(again)
    one, other = tally(*newest.values()), tally(*again)
    assert count(one) == count(other) <= len(counted - {"ada", "eve"})


def test_a_flood_of_votes_from_who_is_not_online_counts_for_nothing_and_is_forgotten() -> None:
    heard = tally(*(vote(f"forged {number}", sequence=number) for number in range(10_000)), vote("bob"))
    assert count(heard) == 1
    assert not heard.is_gone("ada", 1, ONLINE, NOW_MS)
    assert not heard.is_gone("ada", 1, ["ada", "bob"], NOW_MS)


def test_a_flood_of_votes_from_one_voter_counts_once() -> None:
    heard = tally(*(vote("bob", sequence=number) for number in range(10_000)))
    assert count(heard) == 1
