"""The links between the simulated members of a room, with a network that is made up.

They are cut and healed, which either end notices in its own time; what was on its way is lost. A busy member hears
nothing for a while, and its links stay up.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable

from academics_jupyter.protocol.room_effects import Effect
from academics_jupyter.protocol.rooms import Said
from tests.simulated_member import Member, peer

NOTICED_MS = 4_000
"""Within this time each end notices that a link leads nowhere any more."""


class SimulatedLinks:
    """Members, and the links between each two of them that are alive and not cut off from each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = 0
        self.members: dict[str, Member] = {}
        self.by_id: dict[str, Member] = {}
        self.busy: set[str] = set()
        self.cut: set[frozenset[str]] = set()
        self.up: set[frozenset[str]] = set()
        self.unnoticed: dict[tuple[str, str], int] = {}
        """Who takes a link to whom to be up that is not, and until when."""
        self.queues: dict[tuple[str, str], deque[tuple[int, Said]]] = {}
        self.latency_ms: dict[frozenset[str], int] = {}

    def carry_out(self, member: Member, effects: list[Effect]) -> None:
        """Do what a machine wants."""
        raise NotImplementedError

    def hear(self, member: Member, sender: str, said: Said) -> None:
        """Something has come."""
        raise NotImplementedError

    def can_act(self, name: str) -> bool:
        """Whether somebody's kernel runs, and is not busy."""
        return name in self.members and self.members[name].room is not None and name not in self.busy

    def sever(self, one: str, other: str) -> None:
        if one != other:
            self.cut.add(frozenset((one, other)))
            self.down(one, other)

    def mend(self, one: str, other: str) -> None:
        self.cut.discard(frozenset((one, other)))

    def part(self, side: Iterable[str]) -> None:
        """Cut the members in two."""
        for one in self.members.keys() & set(side):
            for other in self.members.keys() - set(side):
                self.sever(one, other)

    def reconnect(self) -> None:
        """All links can come up again."""
        self.cut.clear()

    def connect(self) -> None:
        names = [name for name in self.members if self.can_act(name)]
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                pair = frozenset((one, other))
                if pair not in self.up and pair not in self.cut:
                    self.up.add(pair)
                    rtt_ms = self.latency_ms.setdefault(pair, self.random.randrange(1, 60))
                    ways = ((one, other), (other, one))
                    for way in ways:
                        self._forget(*way)
                        self.queues[way] = deque()
                    for here, there in ways:
                        self.carry_out(self.members[here], self.members[here].machine.link_up(peer(there), rtt_ms))

    def down(self, one: str, other: str, *, at_once: bool = False) -> None:
        pair = frozenset((one, other))
        if pair in self.up:
            self.up.discard(pair)
            for way in ((one, other), (other, one)):
                self.queues.pop(way, None)
                self.unnoticed[way] = self.now_ms + (0 if at_once else self.random.randrange(NOTICED_MS))

    def notice(self) -> None:
        for way, due_ms in list(self.unnoticed.items()):
            if due_ms <= self.now_ms and way[0] not in self.busy:
                self._forget(*way)

    def _forget(self, here: str, there: str) -> None:
        if self.unnoticed.pop((here, there), None) is not None and (room := self.members[here].room) is not None:
            room.link_down(peer(there))

    def deliver(self) -> None:
        for (sender, receiver), queue in list(self.queues.items()):
            while self.queues.get((sender, receiver)) is queue and queue and queue[0][0] <= self.now_ms:
                if not self.can_act(receiver):
                    break
                _, said = queue.popleft()
                self.hear(self.members[receiver], peer(sender), said)

    def send(self, member: Member, to: str, said: Said) -> None:
        receiver = self.by_id.get(to)
        pair = frozenset((member.name, receiver.name)) if receiver else frozenset()
        if receiver is not None and pair in self.up:
            delay_ms = self.latency_ms[pair] // 2 + self.random.randrange(0, 20)
            queue = self.queues[member.name, receiver.name]
            due_ms = max(self.now_ms + delay_ms, queue[-1][0] if queue else 0)
            queue.append((due_ms, said))
