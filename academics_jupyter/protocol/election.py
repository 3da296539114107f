"""Who hosts a room when its host is gone. May import identity, messages, records and rooms.

The members but the host elect. The one with the lowest round trip, as the others measure it, asks for their ballots; a
majority of them makes it the host of a new term (the founding rules; the ballots are Raft's).

| from      | on                                                          | to        | says                          |
| --------- | ----------------------------------------------------------- | --------- | ----------------------------- |
| idle      | the host has not been reached for GONE_MS                   | gone      | `standing`, every STANDING_MS |
| gone      | a majority is gone too, it is our turn                      | canvassing | `canvass`                    |
| gone      | `canvass` in a round higher than any promised               | gone      | `ballot`                      |
| canvassing | ballots of a majority                                      | idle      | won: `claim`                  |
| canvassing | `canvass` in a higher round; or CANVASS_MS without them    | gone      |                               |
| any       | the host is reached, or there is a new one                  | idle      |                               |

Invariants
- A member gives one ballot in a round, and none in a lower round than it has given one in; it promises before it gives.
- A ballot is only given by who does not reach the host either.
- Whose turn it is follows from what the members have said of their round trips, with ties broken by a lot that is the
  same for all. Who comes later in that order has its turn later, so that one that fails does not end it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

from academics_jupyter.protocol.rooms import Canvass, RoundTrip, Standing, Term

GONE_MS = 4_000
STANDING_MS = 1_000
FRESH_MS = 3_500
"""For how long a standing counts: who is silent for longer is gone too."""
GATHER_MS = 1_500
"""How long those who have not said how they stand are waited for."""
TURN_MS = 1_500
CANVASS_MS = 2_000
PATIENCE_MS = 4_000
"""After this long, a ballot is given to whoever asks: members may see the round trips differently."""
MOST_AHEAD = 1_000
"""A round further ahead than this is nobody's who counts them; ballots there would leave no rounds for the rest."""
UNKNOWN_MS = 1 << 40


@dataclass(frozen=True, slots=True)
class View:
    """How things are: `electorate`, the members but the host; `reached`, those of them with a link; `stands`, we."""

    term: Term
    electorate: frozenset[str]
    reached: Mapping[str, int]
    """The round trip in ms to each member that is reached."""
    is_host_reached: bool
    stands: bool


@dataclass(frozen=True, slots=True)
class Say:
    """To tell every member that is reached."""

    said: Standing


@dataclass(frozen=True, slots=True)
class Canvassing:
    """To promise a round, then ask every member that is reached for a ballot in it."""

    said: Canvass


@dataclass(frozen=True, slots=True)
class Give:
    """To promise a round, and to give a candidate our ballot in it."""

    candidate: str
    round: int


@dataclass(frozen=True, slots=True)
class Won:
    """Those who gave their ballots have made us host, in a round."""

    round: int
    voters: tuple[str, ...]


Outcome: TypeAlias = Say | Canvassing | Give | Won


@dataclass(slots=True)
class Election:
    """One member's part in the elections of one room. `promised`: from the disk. Times are milliseconds, any clock."""

    room: str
    me: str
    promised: int = 0
    _gone_ms: int | None = None
    """Since when the host has not been reached."""
    _said_ms: int | None = None
    _standings: dict[str, tuple[Standing, int]] = field(default_factory=dict)
    _canvassed_ms: int = 0
    _round: int = 0
    """That we canvass for; 0 while we do not."""
    _voters: set[str] = field(default_factory=set)
    _due_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the host is taken to be gone."""
        return self._said_ms is not None

    def settle(self) -> None:
        """There is a host."""
        self._gone_ms = self._said_ms = self._due_ms = None
        self._standings.clear()
        self._round = 0

    def is_called_for(self, now_ms: int) -> bool:
        """Whether another member says that it does not reach the host."""
        return any(now_ms < at_ms + FRESH_MS for _, at_ms in self._standings.values())

    def look(self, view: View, now_ms: int) -> list[Outcome]:
        """What is to be done now."""
        if view.is_host_reached:
            self.settle()
            return []
        if self._gone_ms is None:
            self._gone_ms = now_ms
        if now_ms < self._gone_ms + GONE_MS:
            return []
        said: list[Outcome] = []
        if self._said_ms is None or now_ms >= self._said_ms + STANDING_MS:
            self._said_ms = now_ms
            said.append(Say(self._standing(view)))
        if self._round and now_ms >= self._canvassed_ms + CANVASS_MS:
            self._round = 0
            self._due_ms = now_ms + self._turn_ms(view, now_ms) + self._jitter_ms()
        return said + self._canvass(view, now_ms)

    def heard(self, peer: str, standing: Standing, now_ms: int) -> None:
        """A member has said how it stands."""
        self._standings[peer] = standing, now_ms

    def canvassed(self, candidate: str, canvass: Canvass, view: View, now_ms: int) -> list[Outcome]:
        """A candidate asks for our ballot."""
        if view.is_host_reached or self._gone_ms is None or canvass.term != view.term:
            return []
        highest = max(self.promised, view.term.round)
        if not self.promised < canvass.round <= highest + MOST_AHEAD or candidate not in view.electorate:
            return []
        waited_ms = now_ms - self._gone_ms - GONE_MS
        first = next(iter(self.ranking(view, now_ms)), "")
        if candidate != first and waited_ms < PATIENCE_MS:
            return []
        self.promised, self._round = canvass.round, 0
        self._due_ms = now_ms + CANVASS_MS + self._turn_ms(view, now_ms)
        return [Give(candidate, canvass.round)]

    def given(self, voter: str, round_: int, view: View) -> list[Outcome]:
        """A ballot for us, whose signature held."""
        if round_ != self._round or voter not in view.electorate:
            return []
        self._voters.add(voter)
        return self._count(view)

    def ranking(self, view: View, now_ms: int) -> list[str]:
        """Those who stand, the best first."""
        standings = self._fresh(view, now_ms)
        measured = {
            voter: {each.member: each.rtt_ms for each in standing.round_trips} for voter, standing in standings.items()
        }
        standing = [peer for peer, said in standings.items() if said.stands]
        return sorted(standing, key=lambda peer: (_median(peer, measured), self._lot(view, peer)))

    def _standing(self, view: View) -> Standing:
        trips = tuple(RoundTrip(peer, rtt_ms) for peer, rtt_ms in sorted(view.reached.items()))
        return Standing(term=view.term, promised=self.promised, stands=view.stands, round_trips=trips)

    def _fresh(self, view: View, now_ms: int) -> dict[str, Standing]:
        """What those who do not reach the host have said, and we."""
        said = {
            peer: standing
            for peer, (standing, at_ms) in self._standings.items()
            if peer in view.electorate and standing.term == view.term and now_ms < at_ms + FRESH_MS
        }
        return said | {self.me: self._standing(view)}

    def _canvass(self, view: View, now_ms: int) -> list[Outcome]:
        standings = self._fresh(view, now_ms)
        if self._round or not view.stands or len(standings) < majority(len(view.electorate)):
            return []
        if self._due_ms is None:
            all_said = standings.keys() >= {self.me, *view.reached}
            self._due_ms = now_ms + (0 if all_said else GATHER_MS) + self._turn_ms(view, now_ms)
        elif standings.keys() >= {self.me, *view.reached} and self._turn_ms(view, now_ms) == 0:
            self._due_ms = min(self._due_ms, max(now_ms, self._canvassed_ms + CANVASS_MS))
        if now_ms < self._due_ms:
            return []
        own = max(self.promised, view.term.round)
        promised = [each.promised for each in standings.values() if each.promised < own + MOST_AHEAD]
        self._round = self.promised = max([own, *promised]) + 1
        self._canvassed_ms, self._voters = now_ms, {self.me}
        return [Canvassing(Canvass(term=view.term, round=self._round)), *self._count(view)]

    def _count(self, view: View) -> list[Outcome]:
        if len(self._voters) < majority(len(view.electorate)):
            return []
        won = Won(self._round, tuple(sorted(self._voters)))
        self.settle()
        return [won]

    def _turn_ms(self, view: View, now_ms: int) -> int:
        ranking = self.ranking(view, now_ms)
        return TURN_MS * (ranking.index(self.me) if self.me in ranking else len(ranking))

    def _jitter_ms(self) -> int:
        """Unlike the others', and unlike the last: two that canvass at once do not go on doing so."""
        return int.from_bytes(hashlib.sha256(f"{self.me}{self.promised}".encode()).digest()[:2]) % TURN_MS

    def _lot(self, view: View, peer: str) -> bytes:
        """The common lot: the same for everybody, and another in each term."""
        return hashlib.sha256(f"{self.room}{view.term.round}{view.term.host}{peer}".encode()).digest()


def majority(number: int) -> int:
    """How many are most of them."""
    return number // 2 + 1


def _median(peer: str, measured: Mapping[str, Mapping[str, int]]) -> float:
    """The median round trip that the others report, in whole ms."""
    reported: Iterable[int] = [trips[peer] for voter, trips in measured.items() if voter != peer and peer in trips]
    return int(median(reported)) if reported else UNKNOWN_MS
