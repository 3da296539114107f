"""What a room's machine has to tell, read from the disk and put into events that are not too long."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from academics_jupyter.peer.room_telling import Telling
from academics_jupyter.protocol.messages import written_bytes
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_effects import Tell, TellEntries, TellMessages
from academics_jupyter.protocol.rooms import Entries, Entry, Given, Have, Head, Said, Submit, Term
from academics_jupyter.store.store import Store

M = TypeVar("M", Envelope, Entry)

HEAD_BYTES = 400
EVENT_BYTES = 600_000
"""Payloads in one event, as JSON; a longer one goes alone, and the event's limit is 1,000,000."""

_Found = list[tuple[Head, Envelope | None]]


class RoomWriting:
    """Writes what the machine of one room has to tell."""

    def __init__(self, store: Store, room: Room) -> None:
        self._store, self._room = store, room
        self._reading: tuple[tuple[Term, int, int], asyncio.Task[_Found]] | None = None

    async def written(self, telling: Telling) -> list[Said]:
        """What is told; nothing where it is of an earlier term. Raises StoreDamagedError."""
        room = self._room
        match telling.effect:
            case Tell(_, said):
                return [said]
            case TellMessages(_, messages, submit):
                held = await asyncio.to_thread(self._store.room_copies.held, messages)
                kind = Submit if submit else Given
                return [kind(messages=lot) for lot in _lots(held)]
            case TellEntries(peer, after, to):
                if telling.term != room.term or to > len(room.log):
                    return []
                found = await self._found(telling.term, after, to)
                if telling.term != room.term or len(found) != to - after:
                    return []
                return self._entries(peer, after, found)

    async def _found(self, term: Term, after: int, to: int) -> _Found:
        """Read a part of the log; once for all members that are told of it at the same time."""
        key = (term, after, to)
        if self._reading is None or self._reading[0] != key:
            read = asyncio.to_thread(self._store.room_copies.entries, self._room.log.room, after, to)
            self._reading = key, asyncio.create_task(read, name="academics-room-entries")
        return await asyncio.shield(self._reading[1])

    def _entries(self, peer: str, after: int, found: _Found) -> list[Said]:
        log = self._room.log
        shown = [
            Entry(message=envelope) if envelope is not None and log.shows(peer, number) else Entry(head=head)
            for number, (head, envelope) in enumerate(found, after + 1)
        ]
        events: list[Said] = []
        for lot in _lots(shown) or [()]:
            have = Have(after, log.chain(after).hex())
            events.append(Entries(term=self._room.term, after=have, entries=lot, last=log.end_for(peer)))
            after += len(lot)
        return events


def _lots(messages: list[M]) -> list[tuple[M, ...]]:
    lots: list[list[M]] = []
    left_bytes = 0
    for message in messages:
        size_bytes = _size_bytes(message)
        if size_bytes > left_bytes or not lots:
            lots.append([])
            left_bytes = EVENT_BYTES
        left_bytes -= size_bytes
        lots[-1].append(message)
    return [tuple(lot) for lot in lots]


def _size_bytes(said: Envelope | Entry) -> int:
    """As UTF-8 in JSON, at most."""
    message = said.message if isinstance(said, Entry) else said
    if message is None:
        return HEAD_BYTES
    return written_bytes(message) + 200
