"""Elections: every row of the table, on both sides of each boundary, whole outcomes compared."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.election import (
    CANVASS_MS,
    FRESH_MS,
    GATHER_MS,
    GONE_MS,
    PATIENCE_MS,
    STANDING_MS,
    TURN_MS,
    Canvassing,
    Election,
    Give,
    Say,
    View,
    Won,
    majority,
)
from academics_jupyter.protocol.rooms import Canvass, RoundTrip, Standing, Term

TERM = Term(1, "ada")
OTHERS = ("bob", "cyd", "dan")


def view(
    *reached: str, host: bool = False, stands: bool = True, term: Term = TERM, others: tuple[str, ...] = OTHERS
) -> View:
    """What bob sees, with round trips of 10, 20, 30 ms."""
    trips = {name: 10 * (1 + OTHERS.index(name)) for name in reached}
    return View(term, frozenset(others), trips, host, stands)


def standing(promised: int = 0, *, stands: bool = True, term: Term = TERM, **rtts_ms: int) -> Standing:
    trips = tuple(RoundTrip(name, rtt_ms) for name, rtt_ms in sorted(rtts_ms.items()))
    return Standing(term=term, promised=promised, stands=stands, round_trips=trips)


ALL = view("cyd", "dan")
OWN = Say(standing(cyd=20, dan=30))


def gone(**standings: Standing) -> Election:
    """Bob's, who has not reached the host since 0, and has heard others at GONE_MS."""
    election = Election("room", "bob")
    assert election.look(ALL, 0) == []
    for name, said in standings.items():
        election.heard(name, said, GONE_MS)
    return election


def test_a_host_is_gone_when_it_has_not_been_reached_for_a_while_and_at_once_here_again() -> None:
    election = Election("room", "bob")
    assert election.look(ALL, 0) == []
    assert (election.look(ALL, GONE_MS - 1), election.is_open) == ([], False)
    assert (election.look(ALL, GONE_MS), election.is_open) == ([OWN], True)
    assert (election.look(view("cyd", "dan", host=True), GONE_MS + 1), election.is_open) == ([], False)
    assert election.look(ALL, GONE_MS + 2) == []
    assert election.look(ALL, 2 * GONE_MS + 1) == []
    assert election.look(ALL, 2 * GONE_MS + 2) == [OWN]


def test_how_things_stand_is_said_again_and_again() -> None:
    election = gone()
    times_ms = [GONE_MS, GONE_MS + STANDING_MS - 1, GONE_MS + STANDING_MS]
    assert [election.look(ALL, now_ms) for now_ms in times_ms] == [[OWN], [], [OWN]]


@pytest.mark.parametrize(
    ("standings", "canvasses"),
    [
        # Nobody else takes the host to be gone: one of three is no majority.
        ({}, False),
        ({"cyd": standing(bob=10, dan=30)}, True),
        ({"cyd": standing(bob=10, dan=30), "dan": standing(bob=10, cyd=20)}, True),
        # Who speaks of another host, or is no member, counts for nothing.
        ({"cyd": standing(bob=10, term=Term(2, "eve"))}, False),
        ({"eve": standing(bob=10)}, False),
        ({"ada": standing(bob=10)}, False),
    ],
)
def test_an_election_needs_a_majority_that_does_not_reach_the_host(
    standings: dict[str, Standing], canvasses: bool
) -> None:
    election = gone(**standings)
    outcomes = [each for ms in range(0, FRESH_MS, 100) for each in election.look(ALL, GONE_MS + ms)]
    assert any(isinstance(each, Canvassing) for each in outcomes) is canvasses


def test_the_first_in_the_ranking_canvasses_at_once_when_all_have_said_how_they_stand() -> None:
    election = gone(cyd=standing(bob=10, dan=30), dan=standing(bob=12, cyd=20))
    assert election.look(ALL, GONE_MS) == [OWN, Canvassing(Canvass(term=TERM, round=2))]
    assert election.promised == 2
    assert election.given("cyd", 2, ALL) == [Won(2, ("bob", "cyd"))]
    # It is over: another ballot makes no other term.
    assert election.given("dan", 2, ALL) == []


def test_those_who_have_not_said_how_they_stand_are_waited_for() -> None:
    election = gone(cyd=standing(bob=10, dan=30))
    at_ms = [ms for ms in range(0, 3_000, 100) if _canvasses(election, GONE_MS + ms)]
    assert at_ms == [GATHER_MS]


def _canvasses(election: Election, now_ms: int) -> bool:
    return any(isinstance(each, Canvassing) for each in election.look(ALL, now_ms))


def test_who_is_later_in_the_ranking_has_its_turn_later() -> None:
    # Cyd, then dan, then bob.
    election = gone(cyd=standing(bob=90, dan=30), dan=standing(bob=90, cyd=5))
    for ms in range(0, 6_000, 100):
        if _canvasses(election, GONE_MS + ms):
            assert ms == 2 * TURN_MS
            return
        election.heard("cyd", standing(bob=90, dan=30), GONE_MS + ms)
        election.heard("dan", standing(bob=90, cyd=5), GONE_MS + ms)
    pytest.fail("it had no turn")


def test_a_round_is_higher_than_any_that_was_promised_or_is_over() -> None:
    for promised, term, round_ in [
        ((0, 0), Term(1, "ada"), 2),
        ((4, 7), Term(1, "ada"), 8),
        ((0, 0), Term(9, "ada"), 10),
    ]:
        election = Election("room", "bob", promised=3 if promised[0] else 0)
        seen = view("cyd", "dan", term=term)
        election.look(seen, 0)
        election.heard("cyd", standing(promised[0], term=term, bob=10, dan=30), GONE_MS)
        election.heard("dan", standing(promised[1], term=term, bob=10, cyd=20), GONE_MS)
        assert election.look(seen, GONE_MS)[1:] == [Canvassing(Canvass(term=term, round=round_))]


def test_a_canvass_without_a_majority_is_given_up_and_the_next_is_of_a_higher_round() -> None:
    election = gone(cyd=standing(bob=10, dan=30), dan=standing(bob=12, cyd=20))
    rounds = []
    for ms in range(0, 20_000, 100):
        for name in ("cyd", "dan"):
            election.heard(name, standing(bob=10), GONE_MS + ms)
        rounds += [(each.said.round, ms) for each in election.look(ALL, GONE_MS + ms) if isinstance(each, Canvassing)]
    assert [round_ for round_, _ in rounds] == list(range(2, 2 + len(rounds)))
    assert len(rounds) > 2
    assert all(later - earlier >= CANVASS_MS for (_, earlier), (_, later) in pairwise(rounds))


def test_a_ballot_for_another_round_or_by_who_is_no_member_counts_for_nothing() -> None:
    election = gone(cyd=standing(bob=10, dan=30), dan=standing(bob=12, cyd=20))
    assert election.given("cyd", 2, ALL) == []
    election.look(ALL, GONE_MS)
    assert election.given("cyd", 1, ALL) == []
    assert election.given("cyd", 3, ALL) == []
    assert election.given("ada", 2, ALL) == []
    assert election.given("eve", 2, ALL) == []
    assert election.given("bob", 2, ALL) == []
    assert election.given("dan", 2, ALL) == [Won(2, ("bob", "dan"))]


CANVASS = Canvass(term=TERM, round=2)


def ballots(election: Election, candidate: str, canvass: Canvass, now_ms: int, seen: View = ALL) -> list[Give]:
    return [each for each in election.canvassed(candidate, canvass, seen, now_ms) if isinstance(each, Give)]


def test_the_first_in_the_ranking_is_given_a_ballot_once() -> None:
    election = gone(cyd=standing(bob=90, dan=30), dan=standing(bob=90, cyd=5))
    assert ballots(election, "cyd", CANVASS, GONE_MS) == [Give("cyd", 2)]
    assert election.promised == 2
    assert ballots(election, "cyd", CANVASS, GONE_MS) == [], "a second one in the round"
    assert ballots(election, "dan", CANVASS, GONE_MS + PATIENCE_MS) == [], "one for another in the round"
    assert ballots(election, "dan", Canvass(term=TERM, round=3), GONE_MS + PATIENCE_MS) == [Give("dan", 3)]


def test_another_candidate_is_given_one_only_after_a_while() -> None:
    election = gone(cyd=standing(bob=90, dan=30), dan=standing(bob=90, cyd=5))
    for now_ms, given_ in [(GONE_MS, []), (GONE_MS + PATIENCE_MS - 1, []), (GONE_MS + PATIENCE_MS, [Give("dan", 2)])]:
        for name, said in (("cyd", standing(bob=90, dan=30)), ("dan", standing(bob=90, cyd=5))):
            election.heard(name, said, now_ms)
        assert ballots(election, "dan", CANVASS, now_ms) == given_


@pytest.mark.parametrize(
    ("candidate", "canvass", "seen"),
    [
        # We reach the host.
        ("cyd", CANVASS, view("cyd", "dan", host=True)),
        # Of another term than ours.
        ("cyd", Canvass(term=Term(2, "ada"), round=3), ALL),
        # The host asks, or who is no member.
        ("ada", CANVASS, ALL),
        ("eve", CANVASS, ALL),
    ],
)
def test_no_ballot(candidate: str, canvass: Canvass, seen: View) -> None:
    election = gone(cyd=standing(bob=90, dan=30), dan=standing(bob=90, cyd=5))
    assert ballots(election, candidate, canvass, GONE_MS + PATIENCE_MS, seen) == []
    assert election.promised == 0


def test_no_ballot_by_who_has_not_missed_the_host_yet() -> None:
    assert ballots(Election("room", "bob"), "cyd", CANVASS, 100 * GONE_MS) == []


def test_a_promise_outlives_its_member() -> None:
    election = Election("room", "bob", promised=5)
    election.look(ALL, 0)
    assert ballots(election, "cyd", Canvass(term=TERM, round=5), GONE_MS + PATIENCE_MS) == []
    assert ballots(election, "cyd", Canvass(term=TERM, round=6), GONE_MS + PATIENCE_MS) == [Give("cyd", 6)]


def test_who_does_not_stand_neither_canvasses_nor_is_ranked_and_still_votes() -> None:
    seen = view("cyd", "dan", stands=False)
    election = Election("room", "bob")
    election.look(seen, 0)
    election.heard("cyd", standing(bob=10, dan=30), GONE_MS)
    election.heard("dan", standing(stands=False, bob=10, cyd=20), GONE_MS)
    assert election.ranking(seen, GONE_MS) == ["cyd"]
    assert all(isinstance(each, Say) for ms in range(0, 3_000, 100) for each in election.look(seen, GONE_MS + ms))
    assert ballots(election, "cyd", CANVASS, GONE_MS + 3_000, seen) == [Give("cyd", 2)]


def test_the_ranking_is_by_the_median_of_what_the_others_measure_not_by_what_one_says_of_oneself() -> None:
    election = gone(cyd=standing(bob=50, cyd=0, dan=30), dan=standing(bob=10, cyd=40, dan=0))
    # bob: median of 50 and 10; cyd: of our 20 and 40; dan: of our 30 and 30.
    medians = {"bob": 30, "cyd": 30, "dan": 30}
    ranked = election.ranking(ALL, GONE_MS)
    assert sorted(ranked) == sorted(medians)
    election.heard("dan", standing(bob=10, cyd=20), GONE_MS)
    assert election.ranking(ALL, GONE_MS)[0] == "cyd"
    election.heard("cyd", standing(bob=5, dan=30), GONE_MS)
    assert election.ranking(ALL, GONE_MS)[0] == "bob"


def test_who_has_been_silent_for_long_stands_no_more() -> None:
    election = gone(cyd=standing(bob=90, dan=30), dan=standing(bob=90, cyd=5))
    assert sorted(election.ranking(ALL, GONE_MS + FRESH_MS - 1)) == ["bob", "cyd", "dan"]
    assert election.ranking(ALL, GONE_MS + FRESH_MS) == ["bob"]


def test_a_tie_is_drawn_the_same_by_everybody_and_anew_in_each_term_and_room() -> None:
    drawn = set()
    for round_, room in [(1, "room"), (2, "room"), (3, "room"), (1, "other"), (2, "other"), (3, "other")]:
        term = Term(round_, "ada")
        for me, *others in permutations(OTHERS):
            election = Election(room, me)
            seen = View(term, frozenset(OTHERS), dict.fromkeys(others, 10), is_host_reached=False, stands=True)
            for other in others:
                trips = tuple(RoundTrip(name, 10) for name in OTHERS if name != other)
                election.heard(other, Standing(term=term, promised=0, stands=True, round_trips=trips), 0)
            drawn.add((room, round_, *election.ranking(seen, 0)))
    assert len(drawn) == 6, "not the same by everybody"
    assert len({each[2:] for each in drawn}) > 1, "always the same"


@given(st.integers(1, 1_000))
def test_two_majorities_have_somebody_in_common(number: int) -> None:
    assert 2 * majority(number) > number >= majority(number)
