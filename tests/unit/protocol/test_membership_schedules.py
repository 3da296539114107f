"""Presence and votes in a simulated network, under thousands of schedules of everything that can go wrong.

Hypothesis draws the network and the schedule, the same ones in every run; what must hold is in `simulated_network`. For
a long run, set MEMBERSHIP_SCHEDULES to how many, and give pytest a --hypothesis-seed to have other ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.protocol.simulated_network import EVICTED_S, QUIET_S, SimulatedNetwork

HOUR_MS = 3_600_000
SCHEDULES = int(os.environ.get("MEMBERSHIP_SCHEDULES", "200"))

simulated = settings(
    max_examples=SCHEDULES,
    derandomize="MEMBERSHIP_SCHEDULES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

PAUSES_S = (0, 1, 7, 20, 31, 47, 95, 130)

Event = tuple[object, ...]


@dataclass(frozen=True)
class Schedule:
    """A network and what happens in it."""

    clocks_ms: tuple[int, ...]
    dials_only: tuple[int, ...]
    seed: int
    events: tuple[tuple[int, Event], ...]
    """Each after a pause, in seconds."""


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    size = draw(st.integers(2, 8))
    name = st.sampled_from("abcdefgh"[:size])
    hostile = st.sampled_from("abcdefgh"[: size // 2])
    event = st.one_of(
        st.tuples(st.sampled_from(["begin", "restart", "leave", "kill", "compute", "finish"]), name),
        st.tuples(st.sampled_from(["isolate", "lose_registry", "delete", "hide", "replay_votes"]), name),
        st.tuples(st.just("part"), st.lists(name, unique=True, min_size=1).map("".join)),
        st.tuples(st.just("replay_presence"), st.integers(0, 200)),
        st.tuples(st.just("accuse"), hostile, name),
        st.tuples(st.just("heal")),
    )
    clock_ms = st.sampled_from([0, 0, 0, HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS])
    exact = draw(st.booleans())
    return Schedule(
        clocks_ms=(0,) * size if exact else tuple(draw(st.lists(clock_ms, min_size=size, max_size=size))),
        dials_only=tuple(draw(st.lists(st.integers(0, size - 1), max_size=2, unique=True))),
        seed=draw(st.integers(0, 999)),
        events=tuple(draw(st.lists(st.tuples(st.sampled_from(PAUSES_S), event), max_size=16))),
    )


def running(schedule: Schedule) -> SimulatedNetwork:
    """The network of a schedule, a while after all have started."""
    network = SimulatedNetwork(schedule.clocks_ms, schedule.dials_only, schedule.seed)
    for name in network.peers:
        network.begin(name)
        network.wait(1)
    network.wait(40)
    return network


def play(network: SimulatedNetwork, events: Iterable[tuple[int, Event]]) -> None:
    for pause_s, (happens, *arguments) in events:
        network.wait(pause_s)
        getattr(network, str(happens))(*arguments)


@pytest.mark.timeout(600 + SCHEDULES)
@simulated
@given(schedule=schedules())
def test_whatever_happens_all_see_what_is_there_two_minutes_later_and_again_when_it_has_healed(
    schedule: Schedule,
) -> None:
    network = running(schedule)
    play(network, schedule.events)
    network.wait(QUIET_S)
    network.check_after_quiet()
    network.wait(EVICTED_S - QUIET_S)
    network.check_evictions()
    network.heal()
    for name in network.peers:
        network.finish(name)
    network.wait(QUIET_S)
    network.check_after_quiet()


# The same network in single, known troubles


def trouble(size: int, seed: int = 0, dials_only: tuple[int, ...] = ()) -> SimulatedNetwork:
    return running(Schedule((0,) * size, dials_only, seed, ()))


def removed_meanwhile(network: SimulatedNetwork, seconds: int) -> set[tuple[str, str]]:
    """Let time pass; who held whom removed at some second of it."""
    seen = set()
    for _ in range(seconds):
        network.wait(1)
        for peer in network.peers.values():
            if peer.running and not peer.busy:
                gone = (name for name in network.peers if peer.known.is_removed(name, peer.now_ms))
                seen |= {(peer.name, name) for name in gone}
    return seen


def active(network: SimulatedNetwork, peer: str) -> str:
    return "".join(sorted(network.peers[peer].known.active(network.peers[peer].now_ms)))


SIZES = pytest.mark.parametrize("size", range(2, 9))
SEEDS = pytest.mark.parametrize("seed", range(3))


@SIZES
@pytest.mark.parametrize("happens", ["kill", "leave"])
def test_one_that_is_gone_is_out_of_every_view_within_two_minutes(size: int, happens: str) -> None:
    network = trouble(size)
    play(network, [(0, (happens, "a"))])
    network.wait(10 if happens == "leave" else QUIET_S)
    assert {active(network, name) for name in "bcdefgh"[: size - 1]} == {"bcdefgh"[: size - 1]}


@SIZES
def test_a_whole_network_that_loses_power_leaves_nobody_behind(size: int) -> None:
    network = trouble(size)
    play(network, [(0, ("kill", name)) for name in network.peers])
    play(network, [(QUIET_S, ("begin", "a"))])
    network.wait(40)
    assert active(network, "a") == "a"


@SIZES
@SEEDS
def test_nobody_votes_on_a_busy_peer_however_long_its_cell_runs(size: int, seed: int) -> None:
    network = trouble(size, seed)
    play(network, [(0, ("compute", "a"))])
    play(network, [(0, ("restart", "b")), (200, ("compute", "b"))])
    assert not removed_meanwhile(network, 600)
    assert not any(vote.failed and vote.target == "a" for vote in network.votes)
    play(network, [(0, ("finish", "a")), (0, ("finish", "b"))])
    assert not removed_meanwhile(network, 60)


@SIZES
@SEEDS
@pytest.mark.parametrize("with_registry", [True, False])
def test_a_peer_whose_own_network_is_cut_evicts_nobody(size: int, seed: int, with_registry: bool) -> None:
    network = trouble(size, seed)
    play(network, [(0, ("isolate", "a"))] + ([] if with_registry else [(0, ("lose_registry", "a"))]))
    assert {gone for _, gone in removed_meanwhile(network, 400)} <= {"a"}
    network.heal()
    assert {gone for _, gone in removed_meanwhile(network, QUIET_S)} <= {"a"}
    assert {active(network, name) for name in network.peers} == {"abcdefgh"[:size]}


@pytest.mark.parametrize("size", range(3, 9))
@SEEDS
def test_one_that_nobody_reaches_is_voted_out_though_it_keeps_its_lease_and_is_back_when_it_is_reached(
    size: int, seed: int
) -> None:
    network, others = trouble(size, seed), "bcdefgh"[: size - 1]
    play(network, [(0, ("isolate", "a"))])
    epoch = network.peers["a"].epoch
    network.wait(QUIET_S)
    assert {active(network, name) for name in others} == {others}
    network.wait(600)
    assert network.peers["a"].epoch - epoch < 600_000, "cut off, it does not register over and over again"
    assert {active(network, name) for name in others} == {others}
    network.heal()
    network.wait(60)
    assert {active(network, name) for name in network.peers} == {"a" + others}


@SIZES
@SEEDS
def test_hostile_voters_that_are_half_of_those_online_evict_nobody(size: int, seed: int) -> None:
    network = trouble(size, seed)
    hostile = "abcdefgh"[: size // 2]
    play(network, [(0, ("accuse", voter, target)) for voter in hostile for target in network.peers])
    assert not removed_meanwhile(network, 200)
    play(network, [(0, ("replay_votes", target)) for target in network.peers])
    assert not removed_meanwhile(network, 200)


def test_a_hostile_majority_evicts_and_its_victim_comes_back_under_a_higher_epoch() -> None:
    network = trouble(5)
    epoch = network.peers["e"].epoch
    play(network, [(0, ("accuse", voter, "e")) for voter in "abc"])
    assert ("d", "e") in removed_meanwhile(network, QUIET_S)
    assert network.peers["e"].epoch > epoch
    for _ in range(QUIET_S):
        network.wait(1)
        if "e" in active(network, "d"):
            return
    pytest.fail("it did not come back")


@SIZES
@SEEDS
@pytest.mark.parametrize("cut_s", [20, 60, 100, 300])
def test_when_a_switch_comes_back_everybody_is_there_within_a_minute(size: int, seed: int, cut_s: int) -> None:
    network = trouble(size, seed)
    play(network, [(0, ("isolate", name)) for name in network.peers])
    network.wait(cut_s)
    network.heal()
    network.wait(60)
    assert {active(network, name) for name in network.peers} == {"abcdefgh"[:size]}


@pytest.mark.parametrize("sides", [("ab", "cde"), ("abc", "defgh"), ("ab", "cdefgh"), ("abc", "defg")])
@SEEDS
def test_after_a_partition_the_larger_side_holds_the_smaller_removed_and_not_the_other_way_round(
    sides: tuple[str, str], seed: int
) -> None:
    small, large = sides
    network = trouble(len(small + large), seed)
    play(network, [(0, ("part", small))])
    removed = removed_meanwhile(network, EVICTED_S)
    assert {gone for _, gone in removed} == set(small)
    assert {active(network, name) for name in network.peers} == {large}
    network.heal()
    network.wait(60)
    assert {active(network, name) for name in network.peers} == {small + large}


@pytest.mark.parametrize("size", [2, 4, 6, 8])
@SEEDS
def test_of_two_equal_sides_neither_removes_the_other(size: int, seed: int) -> None:
    network = trouble(size, seed)
    play(network, [(0, ("part", "abcdefgh"[: size // 2]))])
    assert not removed_meanwhile(network, 600)


@SIZES
@SEEDS
def test_peers_that_can_only_dial_out_are_not_removed_though_half_of_all_are_such(size: int, seed: int) -> None:
    network = trouble(size, seed, tuple(range(size // 2)))
    assert not removed_meanwhile(network, 600)


@SIZES
def test_an_old_presence_of_one_that_is_gone_resurrects_nobody_however_often_it_is_replayed(size: int) -> None:
    network = trouble(size)
    network.wait(100)
    network.kill("a")
    network.wait(QUIET_S)
    for number in range(len(network.presences)):
        network.replay_presence(number)
        network.wait(6)
        assert "a" not in active(network, "b")
