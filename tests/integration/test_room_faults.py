"""Rooms among real peers under random schedules: kills, stops and bad connections, and all have the same in the end.

For a long run, set ROOM_SCHEDULES: a fiftieth as many run here as are simulated in the unit tests.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tests.fault_proxy import FaultProxy
from tests.lab import Lab
from tests.processes import PeerProcess
from tests.rooms import found, say, sees_texts
from tests.waiting import wait_until

SCHEDULES = int(os.environ.get("ROOM_SCHEDULES", "100")) // 50
FIRST_SEED = int(os.environ.get("ROOM_SEED", "0"))
NAMES = ("ada", "grace", "lin", "mary")
EVENTS = 10
PAUSES_S = (0.0, 0.3, 1.0, 7.0)
SETTLED_S = 90.0


@dataclass
class Person:
    """One member; `process` is None while it is dead."""

    name: str
    proxy: FaultProxy
    environment: dict[str, str]
    process: PeerProcess | None = None
    stopped: bool = False
    written: list[str] = field(default_factory=list)

    def enter(self, lab: Lab) -> PeerProcess:
        return lab.enter(self.name, start=True, **self.environment)


class Schedule:
    """What happens to a room whose members are all behind proxies."""

    def __init__(self, lab: Lab, stack: ExitStack, seed: int) -> None:
        self._lab, self._random = lab, random.Random(seed)
        self.happened: list[str] = []
        self.people = [Person(name, *stack.enter_context(lab.behind_a_proxy())) for name in NAMES]
        for person in self.people:
            person.process = person.enter(lab)
        found(*self.running())

    def running(self) -> list[PeerProcess]:
        return [each.process for each in self.people if each.process is not None and not each.stopped]

    def play(self) -> None:
        for _ in range(EVENTS):
            person = self._random.choice(self.people)
            event = self._random.choice(["say", "say", "say", "kill", "start", "stop", "fault", "carry"])
            self.happened.append(f"{event} {person.name}")
            getattr(self, f"_{event}")(person)
            self._pause(self._random.choice(PAUSES_S))

    def heal(self) -> None:
        for person in self.people:
            person.proxy.carry()
            self._start(person)

    def _say(self, person: Person) -> None:
        if person.process is not None and not person.stopped:
            person.written.append(f"{len(person.written)} by {person.name}")
            say(person.process, person.written[-1])

    def _kill(self, person: Person) -> None:
        if person.process is not None:
            person.process.kill()
        person.process, person.stopped = None, False

    def _start(self, person: Person) -> None:
        if person.process is None:
            person.process = person.enter(self._lab)
        person.process.cont()
        person.stopped = False

    def _stop(self, person: Person) -> None:
        if person.process is not None:
            person.process.stop()
            person.stopped = True

    def _fault(self, person: Person) -> None:
        fault = self._random.choice(["stall", "hang", "reset", "refuse", "half_close"])
        self.happened[-1] += f" {fault}"
        getattr(person.proxy, fault)()

    def _carry(self, person: Person) -> None:
        person.proxy.carry()

    def _pause(self, for_s: float) -> None:
        ends_s = time.monotonic() + for_s
        self.happened[-1] += f", {for_s} s"
        wait_until(lambda: time.monotonic() >= ends_s, for_s + 1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SCHEDULES))
def test_all_members_end_with_the_same_messages_whatever_happens(lab: Lab, seed: int) -> None:
    with ExitStack() as stack:
        schedule = Schedule(lab, stack, seed)
        try:
            schedule.play()
            schedule.heal()
            order = sees_texts(
                schedule.running(), [text for each in schedule.people for text in each.written], SETTLED_S
            )
        except BaseException as error:
            error.add_note("; ".join(schedule.happened))
            raise
        for person in schedule.people:
            assert [text for text in order if text in person.written] == person.written
