"""A room among simulated members in single, known troubles: what becomes of each, and how soon."""

from __future__ import annotations

import pytest

from tests.room_checks import check
from tests.room_simulation import Simulation
from tests.simulated_member import peer

SETTLED_MS = 60_000
NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")
ELECTED_MS = 15_000
SIZES = pytest.mark.parametrize("size", range(3, 8))
SEEDS = pytest.mark.parametrize("seed", range(5))


def quiet(size: int, seed: int = 0) -> Simulation:
    """A room in which everybody has said something, and nothing has gone wrong."""
    room = Simulation(NAMES[:size], seed)
    for name in NAMES[:size]:
        room.say(name)
    room.run(2_000)
    return room


def healed(room: Simulation) -> Simulation:
    room.heal()
    room.run(SETTLED_MS)
    check(room)
    return room


def host_of(room: Simulation) -> str:
    assert room.host is not None
    return room.host.name


def set_latency(room: Simulation, rtts_ms: dict[str, int]) -> None:
    """Have the round trips of each be its own one, whoever measures it; the highest of both for a link."""
    for pair in room.latency_ms:
        one, other = pair
        room.latency_ms[pair] = max(rtts_ms[one], rtts_ms[other])
        for here, there in ((one, other), (other, one)):
            room.members[here].machine.measured(peer(there), rtts_ms[there])


@SIZES
@SEEDS
def test_a_new_host_is_there_in_15_seconds_and_numbers_what_was_written_meanwhile(size: int, seed: int) -> None:
    room = quiet(size, seed)
    room.kill("ada")
    for name in NAMES[1:size]:
        room.say(name)
    room.run(ELECTED_MS)
    assert [len(hosts) for hosts in room.hosts.values()] == [1]
    assert {member.machine.term for member in room.members.values() if member.room} == {
        room.members[host_of(room)].machine.term
    }
    assert {len(member.texts) for member in room.members.values() if member.room} == {2 * size - 1}
    room.wake("ada")
    room.run(ELECTED_MS)
    assert len(room.members["ada"].texts) == 2 * size - 1, "what the old host has missed did not wait for it"
    healed(room)


@SIZES
@SEEDS
def test_the_lowest_median_round_trip_as_the_others_measure_it_hosts(size: int, seed: int) -> None:
    room = quiet(size, seed)
    best = NAMES[1 + seed % (size - 1)]
    set_latency(room, {name: 5 if name == best else 50 for name in NAMES[:size]})
    room.kill("ada", at_once=True)
    room.run(ELECTED_MS)
    assert host_of(room) == best


@SIZES
def test_a_tie_is_broken_by_a_lot_that_is_the_same_for_all(size: int) -> None:
    elected = set()
    for seed in range(8):
        room = quiet(size, seed)
        set_latency(room, dict.fromkeys(NAMES[:size], 20))
        room.kill("ada", at_once=True)
        room.run(ELECTED_MS)
        assert list(room.hosts) == [2], "they did not agree on whose turn it was"
        elected.add(host_of(room))
    assert len(elected) == 1


@SEEDS
def test_hosts_that_fall_one_after_another_are_followed_while_there_is_a_majority(seed: int) -> None:
    room = quiet(7, seed)
    fallen = []
    for _ in range(3):
        fallen.append(host_of(room))
        room.kill_host()
        for name in NAMES:
            room.say(name)
        room.run(ELECTED_MS)
        assert host_of(room) not in fallen
    assert {len(member.texts) for member in room.members.values() if member.room} == {7 + 6 + 5 + 4}
    healed(room)


@SEEDS
def test_no_majority_no_host_and_what_is_written_waits(seed: int) -> None:
    room = quiet(5, seed)
    for name in ("ada", "bob", "cyd"):
        room.kill(name)
    room.say("dan")
    room.run(SETTLED_MS)
    assert room.host is None
    room.wake("bob")
    room.run(ELECTED_MS)
    assert {len(room.members[name].texts) for name in ("bob", "dan", "eve")} == {6}
    healed(room)


@SIZES
@SEEDS
def test_a_busy_host_is_not_gone(size: int, seed: int) -> None:
    room = quiet(size, seed)
    room.compute("ada")
    for name in NAMES[1:size]:
        room.say(name)
    room.run(25_000)
    assert not room.hosts
    room.finish("ada")
    room.run(2_000)
    assert {len(member.texts) for member in room.members.values()} == {2 * size - 1}
    assert not room.hosts


@SEEDS
@pytest.mark.parametrize("back_ms", range(1_000, 15_000, 1_000))
def test_a_host_that_is_back_in_the_middle_of_an_election_loses_nothing(seed: int, back_ms: int) -> None:
    room = quiet(5, seed)
    room.kill("ada")
    room.say("bob")
    room.run(back_ms)
    room.wake("ada")
    room.say("ada")
    healed(room)
    assert len(room.hosts) <= 1
    assert len(room.members["cyd"].texts) == 7


@SEEDS
@pytest.mark.parametrize("side", [("ada",), ("ada", "bob")])
def test_a_partition_with_a_host_on_each_side_ends_in_one_log(seed: int, side: tuple[str, ...]) -> None:
    room = quiet(5, seed)
    room.part(side)
    for name in NAMES[:5]:
        room.say(name)
    room.run(ELECTED_MS + 5_000)
    hosts = {name for name, member in room.members.items() if member.machine.hosts}
    assert "ada" in hosts
    assert len(hosts) == 2
    for name in NAMES[:5]:
        room.say(name)
    room.run(2_000)
    # Each side has gone on by itself.
    assert len(room.members["ada"].texts) == 5 + 2 * len(side)
    assert len(room.members["eve"].texts) == 5 + 2 * (5 - len(side))
    healed(room)
    assert room.happened["displaced"] >= 2
    assert {len(member.texts) for member in room.members.values()} == {15}


@SEEDS
def test_a_minority_without_the_host_elects_nobody(seed: int) -> None:
    room = quiet(7, seed)
    room.part(("bob", "cyd", "dan"))
    room.run(SETTLED_MS)
    assert not room.hosts
    assert host_of(room) == "ada"
    healed(room)


@SEEDS
def test_a_host_that_leaves_is_told_nothing_more_and_another_one_numbers_what_was_said(seed: int) -> None:
    room = quiet(4, seed)
    room.leave("ada")
    room.run(1_000)
    room.say("bob")
    (said,) = room.members["bob"].disk.pending
    room.run(ELECTED_MS)
    assert host_of(room) != "ada"
    assert said in room.members["cyd"].texts
    assert said not in room.members["ada"].disk.held
    healed(room)


@SEEDS
@pytest.mark.parametrize("trouble", ["kill_host", "part"])
def test_who_leaves_while_the_host_is_away_is_out_once_there_is_one(seed: int, trouble: str) -> None:
    room = quiet(4, seed)
    room.kill_host() if trouble == "kill_host" else room.part(("bob",))
    room.leave("bob")
    room.run(1_000)
    room.reconnect()
    room.run(ELECTED_MS)
    for name in ("cyd", "dan"):
        assert peer("bob") not in room.members[name].machine.log.members
        room.say(name)
    room.run(1_000)
    assert len(room.members["bob"].texts) == 4
    healed(room)


@SEEDS
def test_the_founder_deletes_while_another_hosts_and_whoever_was_away_is_told(seed: int) -> None:
    room = quiet(5, seed)
    room.kill("ada")
    room.kill("eve")
    room.run(ELECTED_MS)
    other = host_of(room)
    room.wake("ada")
    room.run(2_000)
    assert host_of(room) == other
    room.delete()
    room.run(1_000)
    for name in NAMES[:4]:
        assert room.members[name].machine.log.deleted_at_ms is not None
        assert len(room.members[name].texts) == 5, "its messages stay readable"
    room.wake("eve")
    room.run(1_000)
    assert room.members["eve"].machine.log.deleted_at_ms is not None
    room.say("eve")
    healed(room)
    assert len(room.members["ada"].texts) == 5


@pytest.mark.parametrize("seed", range(20))
def test_of_two_candidates_that_do_not_hear_of_each_other_one_wins_though_voters_restart(seed: int) -> None:
    room = quiet(6, seed)
    room.sever("bob", "cyd")
    set_latency(room, {name: 5 if name in ("bob", "cyd") else 50 for name in NAMES[:6]})
    room.kill("ada", at_once=True)
    for step in range(2 * ELECTED_MS // 500):
        room.run(500)
        voter = NAMES[3 + (step + seed) % 3]
        if step % 4 == 0:
            room.kill(voter, at_once=True)
            room.wake(voter)
    assert host_of(room) in ("bob", "cyd", "dan", "eve", "fay")
    healed(room)


@SEEDS
def test_what_was_on_its_way_when_the_founder_deleted_the_room_and_left_is_there_in_the_end(seed: int) -> None:
    room = quiet(3, seed)
    room.say("bob")
    (said,) = room.members["bob"].disk.pending
    room.delete()
    room.leave("ada")
    room.run(SETTLED_MS)
    assert said in room.members["cyd"].texts
    healed(room)
