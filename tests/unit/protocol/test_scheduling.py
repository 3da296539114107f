"""Which holder sends which pieces: all come, none twice for nothing, and the fast give more."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from academics_jupyter.protocol.scheduling import FIRST_RUN_BYTES, LONGEST_RUN_BYTES, SLOWER, Schedule

MIB = 1 << 20


def schedule(pieces: int, length: int = MIB, doubled: int = MIB) -> Schedule:
    return Schedule(pieces, lambda _piece: length, range(pieces), doubled)


@dataclass
class Holder:
    """A holder that sends a MiB each `piece_s`, from `from_s` until `until_s`; it stalls or lies from a piece on."""

    name: str
    piece_s: float
    from_s: float = 0.0
    until_s: float = float("inf")
    stalls_after: int = 1 << 30
    lies_after: int = 1 << 30
    sent: int = 0


@dataclass
class Network:
    """Holders that send in simulated time, in the order in which their pieces end."""

    plan: Schedule
    holders: list[Holder]
    now_s: float = 0.0
    came: list[tuple[str, int]] = field(default_factory=list)
    queue: list[tuple[float, int, Holder, list[int]]] = field(default_factory=list)

    def run(self, for_s: float = 1e5) -> float:
        """Until all is there, or so long; when it was."""
        for number, holder in enumerate(self.holders):
            heapq.heappush(self.queue, (holder.from_s, number, holder, []))
        while self.queue and not self.plan.is_complete and self.now_s < for_s:
            self.now_s, number, holder, run = heapq.heappop(self.queue)
            self._step(number, holder, run)
        return self.now_s

    def _step(self, number: int, holder: Holder, run: list[int]) -> None:
        plan, name = self.plan, holder.name
        if self.now_s > holder.until_s:
            plan.left(name)
            return
        if not plan.joined(name, self.now_s):
            return
        if run and not self._piece_came(holder, run.pop(0)):
            return
        if not run or not plan.wants(name, run[0]):
            run = list(plan.next_run(name, self.now_s))
        takes_s = holder.piece_s if run else 0.25
        if holder.sent < holder.stalls_after or not run:
            heapq.heappush(self.queue, (self.now_s + takes_s, number, holder, run))

    def _piece_came(self, holder: Holder, piece: int) -> bool:
        holder.sent += 1
        self.plan.passed(holder.name, piece, self.now_s)
        if holder.sent > holder.lies_after:
            self.plan.lied(holder.name, piece)
            return False
        self.came.append((holder.name, piece))
        self.plan.got(holder.name, piece, self.now_s)
        return True

    def given(self) -> dict[str, int]:
        """How many pieces each has sent that counted."""
        return {name: given // MIB for name, (given, _) in self.plan.shares(self.now_s).items()}


def test_one_holder_sends_all_in_order_in_long_runs() -> None:
    plan = schedule(200)
    plan.joined("a", 0.0)
    run = plan.next_run("a", 0.0)
    assert run == range(LONGEST_RUN_BYTES // MIB)
    network = Network(schedule(200), [Holder("a", 0.01)])
    assert network.run() == pytest.approx(2.0)
    assert network.came == [("a", piece) for piece in range(200)]


def test_four_equal_holders_take_a_quarter_of_the_time() -> None:
    network = Network(schedule(400), [Holder(name, 0.1) for name in "abcd"])
    assert network.run() <= 400 * 0.1 / 3.8
    assert sum(network.given().values()) == len(network.came) == 400


def test_the_fast_give_more_and_the_slow_hold_nobody_up() -> None:
    network = Network(schedule(600), [Holder("fast", 0.05), Holder("slow", 0.5), Holder("slowest", 20.0)])
    together = 1 / (1 / 0.05 + 1 / 0.5 + 1 / 20)
    assert network.run() <= 600 * together * 1.1
    given = network.given()
    assert given["fast"] > 8 * given["slow"]
    assert len(network.came) <= 602


def test_who_joins_midway_takes_over_a_part_of_what_others_have_before_them() -> None:
    plan = schedule(8)
    plan.joined("a", 0.0)
    assert plan.next_run("a", 0.0) == range(8)
    plan.joined("b", 1.0)
    assert plan.next_run("b", 1.0) == range(4, 8)
    assert [piece for piece in range(8) if plan.wants("a", piece)] == [0, 1, 2, 3]
    assert [piece for piece in range(8) if plan.wants("b", piece)] == [4, 5, 6, 7]


def test_the_last_piece_of_one_that_stalls_is_asked_of_another_too() -> None:
    plan = schedule(1)
    plan.joined("stalls", 0.0)
    assert plan.next_run("stalls", 0.0) == range(1)
    plan.joined("quick", 0.0)
    assert plan.next_run("quick", 0.1) == range(0)
    assert plan.next_run("quick", 10.0) == range(1)
    plan.joined("third", 10.0)
    assert plan.next_run("third", 10.0) == range(0)
    assert plan.got("quick", 0, 11.0)
    assert not plan.wants("stalls", 0)
    assert not plan.got("stalls", 0, 12.0)
    assert plan.shares(12.0)["stalls"][0] == 0


def test_long_pieces_are_never_under_way_twice() -> None:
    plan = schedule(1, length=2 * MIB)
    plan.joined("stalls", 0.0)
    plan.next_run("stalls", 0.0)
    plan.joined("quick", 0.0)
    assert plan.next_run("quick", 100.0) == range(0)
    plan.left("stalls")
    assert plan.next_run("quick", 100.0) == range(1)


def test_a_liar_is_dropped_for_good_and_its_pieces_go_to_others() -> None:
    plan = schedule(4)
    plan.joined("liar", 0.0)
    assert plan.next_run("liar", 0.0) == range(4)
    plan.passed("liar", 0, 1.0)
    plan.lied("liar", 0)
    assert plan.liars == {"liar"}
    assert not plan.joined("liar", 2.0)
    assert plan.next_run("liar", 2.0) == range(0)
    plan.joined("honest", 2.0)
    assert plan.next_run("honest", 2.0) == range(4)


def test_one_honest_holder_among_four_liars_is_enough() -> None:
    liars = [Holder(f"liar {number}", 0.01, lies_after=number) for number in range(4)]
    network = Network(schedule(50), [*liars, Holder("honest", 0.1)])
    network.run()
    assert network.plan.is_complete
    assert network.plan.liars == {holder.name for holder in liars}


def test_a_map_of_what_is_there() -> None:
    plan = schedule(40)
    for piece in range(5, 20):
        plan.got("a", piece, 0.0)
    assert plan.map(4) == "4900"
    assert schedule(2).map(100) == "00"
    assert schedule(0).map(100) == ""


def test_what_was_there_is_not_asked_for() -> None:
    plan = Schedule(10, lambda _piece: MIB, {2, 3, 7}, MIB)
    plan.joined("a", 0.0)
    assert (plan.next_run("a", 0.0), plan.left_bytes) == (range(2, 4), 3 * MIB)
    assert plan.is_there(0)


HOLDERS = st.lists(
    st.builds(
        Holder,
        name=st.just(""),
        piece_s=st.floats(0.01, 5.0),
        from_s=st.floats(0.0, 20.0),
        until_s=st.floats(0.0, 60.0) | st.just(float("inf")),
        stalls_after=st.integers(0, 30) | st.just(1 << 30),
        lies_after=st.integers(0, 30) | st.just(1 << 30),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200)
@given(holders=HOLDERS, pieces=st.integers(1, 120), data=st.data())
def test_in_every_schedule_all_pieces_come_and_hardly_any_twice(
    holders: list[Holder], pieces: int, data: st.DataObject
) -> None:
    """One holder stays and is honest, whatever the others do."""
    for number, holder in enumerate(holders):
        holder.name = f"holder {number}"
    honest = Holder("honest", data.draw(st.floats(0.01, 1.0)))
    lengths = data.draw(st.lists(st.integers(1, MIB), min_size=pieces, max_size=pieces))
    plan = Schedule(pieces, lengths.__getitem__, range(pieces), MIB)
    network = Network(plan, [*holders, honest])
    network.run()
    assert plan.is_complete
    assert (plan.left_bytes, plan.map(7)) == (0, "9" * min(7, pieces))
    assert sum(given for given, _ in plan.shares(network.now_s).values()) == sum(lengths)
    twice = len(network.came) - pieces
    assert 0 <= twice <= 2 * len(network.holders) * SLOWER
    assert FIRST_RUN_BYTES <= LONGEST_RUN_BYTES
