"""What a room's host does for its members: tells them what comes next in the log, and how far each of them is.

May import room_copy, room_effects, room_log and rooms.
"""

from __future__ import annotations

from collections.abc import Iterable

from academics_jupyter.protocol.room_effects import Effect, Tell, TellEntries
from academics_jupyter.protocol.room_log import RoomLog
from academics_jupyter.protocol.rooms import MAX_ENTRIES, Mark, Marks, Progress, Term

WINDOW = 2 * MAX_ENTRIES
"""How many entries may be on their way to a member."""


class Hosting:
    """A term as its host sees it; for the other members, only the marks that the host has told."""

    def __init__(self) -> None:
        self.marks: dict[str, Mark] = {}
        """How far each member is, as far as is known in this term."""
        self._sent: dict[str, int] = {}
        self._changed: set[str] = set()

    def begin(self) -> None:
        """There is a new term."""
        self.marks.clear()
        self._sent.clear()
        self._changed.clear()

    def forget(self, peer: str) -> None:
        """What was on its way to a member may not have come."""
        self._sent.pop(peer, None)

    def progressed(self, log: RoomLog, peer: str, progress: Progress) -> list[Effect]:
        """A member has said how far its log goes."""
        common = log.common((have.number, have.chain) for have in progress.haves)
        parts = progress.haves[0].number != common
        came = peer not in self._sent
        if progress.again or parts or came:
            self._sent[peer] = common
        self.mark(peer, common, min(progress.read, common))
        # Who has left is told their last of the log, and nothing of how far others are.
        greets = came and peer in log.members
        marks = [Tell(peer, Marks(term=progress.term, marks=tuple(self.marks.values())))] if greets else []
        return [*marks, *self._tell(log, peer, even_none=parts)]

    def tell_all(self, log: RoomLog) -> list[Effect]:
        """The log is longer than it was."""
        return [effect for peer in list(self._sent) for effect in self._tell(log, peer)]

    def _tell(self, log: RoomLog, peer: str, *, even_none: bool = False) -> list[Effect]:
        """What a member has not been told of, as much as may be on its way."""
        sent, acknowledged = self._sent[peer], self.marks[peer].number
        end = max(sent, min(log.end_for(peer), sent + MAX_ENTRIES, acknowledged + WINDOW))
        if end == sent and not even_none:
            return []
        self._sent[peer] = end
        return [TellEntries(peer, sent, end)]

    def mark(self, peer: str, number: int, read: int) -> None:
        """Note how far a member is."""
        mark = Mark(peer, number, read)
        if self.marks.get(peer) != mark:
            self.marks[peer] = mark
            self._changed.add(peer)

    def told(self, marks: Iterable[Mark]) -> None:
        """The host has said how far some members are."""
        self.marks |= {mark.member: mark for mark in marks}

    def tell_marks(self, log: RoomLog, term: Term) -> list[Effect]:
        """What has changed since the last time, to all members that are there."""
        changed = tuple(self.marks[peer] for peer in sorted(self._changed))
        self._changed.clear()
        members = sorted(self._sent.keys() & log.members)
        return [Tell(peer, Marks(term=term, marks=changed)) for peer in members] if changed else []
