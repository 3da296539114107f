"""Which holder of a resource fetches which of its pieces. Pure; may import the meter only.

A piece is free, under way with one holder or more, or there. For each holder that has joined:

| asks or tells              | then                                                                       |
| -------------------------- | -------------------------------------------------------------------------- |
| `next_run`, pieces free    | as many free pieces as it sends in RUN_S, and fewer towards the end        |
| `next_run`, none free      | a part of what another has before it: see `_taken_over`                    |
| `passed` a piece           | it is with whoever verifies it                                             |
| `got` a piece: it held     | it is there; whoever else fetches it may stop                              |
| `lied`: it did not hold    | the holder is dropped for good; its pieces are free                        |
| `left`                     | its pieces are free                                                        |

So a faster holder gives more, one that stalls keeps nothing from the others, and what is there is never fetched twice
but for a piece that several had under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from academics_jupyter.protocol.meter import Meter

RUN_S = 2.0
FIRST_RUN_BYTES = 4 << 20
"""Asked of a holder whose rate is not known yet."""
LONGEST_RUN_BYTES = 64 << 20
SLOWER = 2.0

_FREE, _UNDER_WAY, _THERE = range(3)


@dataclass(slots=True)
class _Holder:
    meter: Meter
    since_s: float
    before_it: dict[int, None] = field(default_factory=dict)
    """The pieces of its run that have not come yet, in order."""


class Schedule:
    """The pieces of one resource, and the holders that send them."""

    def __init__(
        self, pieces: int, length: Callable[[int], int], missing: Iterable[int], longest_doubled_bytes: int
    ) -> None:
        """`length` gives the length of a piece; longer ones than `longest_doubled_bytes` are never under way twice."""
        self._length, self._longest_doubled_bytes = length, longest_doubled_bytes
        self._states = bytearray([_THERE]) * pieces
        self._left_bytes = 0
        for piece in missing:
            self._states[piece] = _FREE
            self._left_bytes += length(piece)
        self._holders: dict[str, _Holder] = {}
        self._given: dict[str, Meter] = {}
        self._liars: set[str] = set()
        self._all = Meter()

    @property
    def left_bytes(self) -> int:
        """How much is not there yet."""
        return self._left_bytes

    @property
    def is_complete(self) -> bool:
        """Whether every piece is there."""
        return self._left_bytes == 0

    @property
    def liars(self) -> frozenset[str]:
        """Who has been dropped for a piece that did not hold."""
        return frozenset(self._liars)

    def is_there(self, piece: int) -> bool:
        """Whether a piece is there."""
        return self._states[piece] == _THERE

    def joined(self, holder: str, now_s: float) -> bool:
        """A holder is ready to be fetched from; false for one that has lied."""
        if holder in self._liars:
            return False
        self._holders.setdefault(holder, _Holder(self._given.setdefault(holder, Meter()), now_s))
        return True

    def left(self, holder: str) -> None:
        """A holder is no longer there, or has stopped sending. Safe to repeat."""
        gone = self._holders.pop(holder, None)
        for piece in gone.before_it if gone else ():
            self._release(piece)

    def lied(self, holder: str, piece: int | None = None) -> None:
        """A piece from a holder, or what it says of all pieces, did not hold."""
        self._liars.add(holder)
        self.left(holder)
        if piece is not None:
            self._release(piece)

    def next_run(self, holder: str, now_s: float) -> range:
        """The pieces that a holder is to send next; an empty range where there is nothing for it now.

        What it had before it is given back.
        """
        own = self._holders.get(holder)
        if own is None:
            return range(0)
        given_back, own.before_it, own.since_s = own.before_it, {}, now_s
        for piece in given_back:
            self._release(piece)
        run = self._free_run(own, now_s) or self._taken_over(own, now_s)
        for piece in run:
            self._states[piece] = _UNDER_WAY
        own.before_it = dict.fromkeys(run)
        return run

    def wants(self, holder: str, piece: int) -> bool:
        """Whether a holder is still to send a piece of its run."""
        own = self._holders.get(holder)
        return own is not None and piece in own.before_it and self._states[piece] != _THERE

    def passed(self, holder: str, piece: int, now_s: float) -> None:
        """All bytes of a piece have come from a holder, which goes on with the next of its run."""
        own = self._holders.get(holder)
        if own is not None:
            own.before_it.pop(piece, None)
            own.since_s = now_s

    def got(self, holder: str, piece: int, now_s: float) -> bool:
        """A piece came from a holder, and held; false if it was there before."""
        if self._states[piece] == _THERE:
            return False
        self._states[piece] = _THERE
        length = self._length(piece)
        self._left_bytes -= length
        self._given.setdefault(holder, Meter()).add(length, now_s)
        self._all.add(length, now_s)
        return True

    def map(self, cells: int) -> str:
        """What is there: a digit for each of so many stretches of the resource, from 0, nothing of it, to 9, all."""
        count = len(self._states)
        cells = min(cells, count)
        bounds = [count * cell // cells for cell in range(cells + 1)] if cells else [0]
        spans = [self._states[start:end] for start, end in pairwise(bounds)]
        return "".join(str(9 * span.count(_THERE) // len(span)) for span in spans)

    def rate_bytes_s(self, now_s: float) -> float:
        """How fast pieces come."""
        return self._all.rate_bytes_s(now_s)

    def shares(self, now_s: float) -> dict[str, tuple[int, float]]:
        """Of each holder that gives or gave something: bytes so far, and bytes a second now."""
        return {
            holder: (meter.total_bytes, meter.rate_bytes_s(now_s) if holder in self._holders else 0.0)
            for holder, meter in self._given.items()
            if meter.total_bytes or holder in self._holders
        }

    def _release(self, piece: int) -> None:
        elsewhere = any(piece in other.before_it for other in self._holders.values())
        if self._states[piece] == _UNDER_WAY and not elsewhere:
            self._states[piece] = _FREE

    def _free_run(self, own: _Holder, now_s: float) -> range:
        first = self._states.find(_FREE)
        if first < 0:
            return range(0)
        room, last = self._room_bytes(own, now_s), first + 1
        room -= self._length(first)
        while last < len(self._states) and self._states[last] == _FREE and (room := room - self._length(last)) >= 0:
            last += 1
        return range(first, last)

    def _room_bytes(self, own: _Holder, now_s: float) -> float:
        if len(self._holders) == 1:
            return LONGEST_RUN_BYTES
        rate = own.meter.rate_bytes_s(now_s)
        if rate == 0:
            return FIRST_RUN_BYTES
        all_rates = sum(each.meter.rate_bytes_s(now_s) for each in self._holders.values())
        return min(LONGEST_RUN_BYTES, rate * RUN_S, rate / all_rates * self._left_bytes / 2)

    def _taken_over(self, own: _Holder, now_s: float) -> range:
        """Of what the holder that would take longest has before it: the later part, as the rates of both say.

        Of a holder that has a single piece left, that piece too, where all who have it under way take SLOWER times as
        long for it as we would. Nothing, where nothing is to be won.
        """
        rate = own.meter.rate_bytes_s(now_s) or self.rate_bytes_s(now_s) or 1.0
        slowest, longest_s = None, 0.0
        for other in self._holders.values():
            took_s = self._still_takes_s(other, rate, now_s)
            if took_s > longest_s:
                slowest, longest_s = other, took_s
        if slowest is None:
            return range(0)
        pieces = [piece for piece in slowest.before_it if self._states[piece] != _THERE]
        # Proportional to the rates, so that both end together; the piece that is coming stays where it is.
        left_bytes = sum(map(self._length, pieces))
        theirs = left_bytes / longest_s
        count = min(int(len(pieces) * rate / (rate + theirs)), len(pieces) - 1)
        if count > 0:
            for piece in pieces[-count:]:
                del slowest.before_it[piece]
            return range(pieces[-count], pieces[-1] + 1)
        bringing = [other for other in self._holders.values() if pieces[0] in other.before_it]
        soonest_s = min(self._still_takes_s(other, rate, now_s) for other in bringing)
        may_double = left_bytes <= self._longest_doubled_bytes
        if len(pieces) == 1 and may_double and soonest_s > SLOWER * left_bytes / rate:
            return range(pieces[0], pieces[0] + 1)
        return range(0)

    def _still_takes_s(self, other: _Holder, our_rate: float, now_s: float) -> float:
        """How long a holder will take for what it has before it; one that has only just begun, as long as we would."""
        left_bytes = sum(self._length(piece) for piece in other.before_it if self._states[piece] != _THERE)
        rate = other.meter.rate_bytes_s(now_s)
        if rate == 0 and now_s - other.since_s < RUN_S:
            rate = our_rate
        return left_bytes / rate if rate else left_bytes * 1e9
