"""A room among simulated members, under thousands of schedules of everything that can go wrong.

Hypothesis draws the schedules, the same ones in every run. For a long run, set ROOM_SCHEDULES to how many, and give
pytest a --hypothesis-seed to have other ones.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.room_checks import check
from tests.room_simulation import Simulation

SCHEDULES = int(os.environ.get("ROOM_SCHEDULES", "200"))
SETTLED_MS = 60_000
NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gus")
FOUNDERS = NAMES[:5]

simulated = settings(
    max_examples=SCHEDULES,
    derandomize="ROOM_SCHEDULES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Event = tuple[object, ...]


@dataclass(frozen=True)
class Schedule:
    """A room and what happens in it."""

    size: int
    seed: int
    history: bool
    events: tuple[Event, ...]


def events(size: int) -> st.SearchStrategy[tuple[Event, ...]]:
    name = st.sampled_from(NAMES)
    founder = st.sampled_from(FOUNDERS[:size])
    pause_ms = st.sampled_from([100, 700, 2_000, 6_000, 9_000, 16_000])
    side = st.lists(founder, unique=True, min_size=1, max_size=max(1, size - 1)).map(tuple)
    run = st.tuples(st.just("run"), pause_ms)
    return st.one_of(
        st.tuples(st.tuples(st.just("say"), name)),
        st.tuples(st.tuples(st.just("say"), founder)),
        st.tuples(run),
        st.tuples(st.tuples(st.sampled_from(["kill", "wake", "compute", "finish"]), founder)),
        st.tuples(st.just(("kill_host",)), st.tuples(st.just("say"), founder), run),
        st.tuples(st.tuples(st.sampled_from(["kill", "wake", "compute", "finish", "leave"]), name)),
        st.tuples(st.tuples(st.sampled_from(["sever", "mend"]), founder, founder)),
        st.tuples(st.tuples(st.just("part"), side), run, st.tuples(st.just("say"), founder)),
        st.tuples(st.tuples(st.just("invite"), name, founder)),
        st.tuples(st.tuples(st.sampled_from(["delete", "open_history", "heal", "reconnect"]))),
    )


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    size = draw(st.integers(2, 5))
    happens = draw(st.lists(events(size), max_size=25))
    return Schedule(size, draw(st.integers(0, 999)), draw(st.booleans()), tuple(chain.from_iterable(happens)))


def play(schedule: Schedule) -> Simulation:
    """A room after all that happens in a schedule, and a while after it has healed."""
    room = Simulation(FOUNDERS[: schedule.size], schedule.seed, history=schedule.history)
    for happens, *arguments in schedule.events:
        getattr(room, str(happens))(*arguments)
    room.heal()
    room.run(SETTLED_MS)
    return room


@pytest.mark.timeout(600 + SCHEDULES)
@simulated
@given(schedule=schedules())
def test_whatever_happens_all_members_end_with_the_same_and_nothing_is_lost_or_doubled(schedule: Schedule) -> None:
    check(play(schedule))


def random_schedule(seed: int) -> Schedule:
    """Not Hypothesis's, so that another version of it draws no other ones."""
    drawn = random.Random(seed)
    size = drawn.randrange(3, 6)
    names = FOUNDERS[:size]

    def event() -> tuple[Event, ...]:
        run, say = ("run", drawn.choice([700, 2_000, 9_000, 16_000])), ("say", drawn.choice(names))
        kinds: list[tuple[Event, ...]] = [(run,), (say,), (("kill_host",), say, run), (("heal",),)]
        kinds += [(("part", drawn.sample(names, drawn.randrange(1, size))), say, run, say), (("reconnect",),)]
        kinds += [((drawn.choice(["kill", "wake", "compute", "finish"]), drawn.choice(names)),)]
        kinds += [(("sever", drawn.choice(names), drawn.choice(names)),)]
        return drawn.choice(kinds)

    return Schedule(size, seed, drawn.random() < 0.5, tuple(chain.from_iterable(event() for _ in range(20))))


def test_the_schedules_do_elect_and_part_and_displace_and_number_anew() -> None:
    happened = Counter[str]()
    for seed in range(60):
        room = play(random_schedule(seed))
        check(room)
        happened += room.happened
        happened["numbered anew"] += sum(len(numbers) > 1 for numbers in room.numbers.values())
    wanted = {"elected": 60, "two hosts": 10, "deposed": 40, "displaced": 40, "numbered anew": 40}
    assert {each: min(happened[each], least) for each, least in wanted.items()} == wanted, happened
