"""What a peer's rooms have to tell, link by link: in order, one at a time, and at once what has grown meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from academics_jupyter.errors import NetworkError, PeerRefusedError, ProtocolError
from academics_jupyter.network.link import Link
from academics_jupyter.protocol.room_effects import Tell, TellEntries, TellMessages
from academics_jupyter.protocol.rooms import (
    MAX_ENTRIES,
    MAX_SUBMITTED,
    Marks,
    Progress,
    RoomEvent,
    Said,
    Standing,
    Term,
)
from academics_jupyter.protocol.wire import Done

ANSWER_TIMEOUT_S = 900.0
"""A busy kernel answers when its cell ends."""
MOST_WAITING = 500
"""Whoever takes nothing for so long is told all of it anew once it does again."""
TOO_FAST_S = 0.5
PROGRESS_DELAY_S = 0.1

log = logging.getLogger(__name__)

ToTell = Tell | TellEntries | TellMessages
Written = Callable[["Telling"], Awaitable[list[Said]]]
"""Reads what is to be told from the disk, as it is now; nothing where it is of no use any more."""


@dataclass(slots=True)
class Telling:
    """One thing to tell, in a room and in the term in which it came up."""

    room: str
    term: Term
    effect: ToTell
    deferred: bool = False


class LinkTelling:
    """The queue of one link, which ends with it."""

    def __init__(self, link: Link, written: Written, failed: Callable[[Link, str], None]) -> None:
        """`failed` is told of a room of which something was not taken, so that it is told again from the beginning."""
        self.link = link
        self._written, self._failed = written, failed
        self._waiting: deque[Telling] = deque()
        self._deferred: dict[str, Telling] = {}
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._serve(), name=f"academics-rooms-{link.name}")

    def close(self) -> None:
        """Tell no more."""
        self._task.cancel()

    def tell(self, telling: Telling) -> None:
        """Put something at the end of the queue."""
        if _may_wait(telling):
            self._defer(telling)
        elif self._waiting and (merged := _merged(self._waiting[-1], telling)) is not None:
            self._waiting[-1] = merged
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(telling)
        self._more.set()

    def _defer(self, telling: Telling) -> None:
        """How far we are may wait a moment: more may come, and what others write is more urgent."""
        if telling.room not in self._deferred:
            asyncio.get_running_loop().call_later(PROGRESS_DELAY_S, self._tell_deferred, telling.room)
        before = self._deferred.get(telling.room)
        self._deferred[telling.room] = (before and _merged(before, telling)) or telling

    def _tell_deferred(self, room: str) -> None:
        self.tell(replace(self._deferred.pop(room), deferred=True))

    async def _serve(self) -> None:
        while not self.link.down.is_set():
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            telling = self._waiting.popleft()
            try:
                for said in await self._written(telling):
                    await self._say(telling.room, said)
            except (NetworkError, ProtocolError) as error:
                if isinstance(error, PeerRefusedError) and error.code == "not_member":
                    # Invited, or gone: it will say so itself once it is in.
                    continue
                log.info("%s was not told something of a room: %s", self.link.name, error)
                self._failed(self.link, telling.room)
            except Exception:
                log.exception("a fault of this program while telling %s of a room", self.link.name)

    async def _say(self, room: str, said: Said) -> None:
        while True:
            try:
                await self.link.call("room", RoomEvent(room=room, said=said), Done, ANSWER_TIMEOUT_S)
                return
            except PeerRefusedError as error:
                if error.code != "too_fast":
                    raise
                await asyncio.sleep(TOO_FAST_S)


def _may_wait(telling: Telling) -> bool:
    match telling.effect:
        case Tell(_, Progress(again=False)):
            return not telling.deferred
    return False


def _merged(last: Telling, new: Telling) -> Telling | None:
    """Two things as one, where the second goes on from the first or takes its place."""
    if (last.room, last.term) != (new.room, new.term):
        return None
    match last.effect, new.effect:
        case TellEntries(peer, after, middle), TellEntries(_, start, to) if (
            middle == start and to - after < MAX_ENTRIES
        ):
            return Telling(new.room, new.term, TellEntries(peer, after, to))
        case TellMessages(peer, first, submit), TellMessages(_, second, also) if (
            submit == also and len(first) + len(second) <= MAX_SUBMITTED
        ):
            return Telling(new.room, new.term, TellMessages(peer, tuple(dict.fromkeys(first + second)), submit))
        case Tell(_, Progress(again=False)), Tell(_, Progress()):
            return new
        case Tell(_, Standing()), Tell(_, Standing()):
            return new
        case Tell(peer, Marks() as before), Tell(_, Marks() as after_it):
            marks = {mark.member: mark for mark in (*before.marks, *after_it.marks)}
            return Telling(new.room, new.term, Tell(peer, Marks(term=new.term, marks=tuple(marks.values()))))
    return None
