"""What a room's machine has to tell, read from the disk and put into events that are not too long."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from academics_jupyter.peer.context import Context
from academics_jupyter.peer.room_telling import Telling
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_effects import Tell, TellEntries, TellMessages
from academics_jupyter.protocol.rooms import Entries, Entry, Given, Have, Head, Said, Submit

M = TypeVar("M", Envelope, Entry)

HEAD_BYTES = 400
EVENT_BYTES = 600_000
"""Payloads in one event; escaped as JSON they are longer, and the event's limit is 1,000,000."""


async def written(context: Context, room: Room, telling: Telling) -> list[Said]:
    """What is told; nothing where it is of an earlier term. Raises StoreDamagedError."""
    match telling.effect:
        case Tell(_, said):
            return [said]
        case TellMessages(_, messages, submit):
            held = await asyncio.to_thread(context.store.room_copies.held, messages)
            kind = Submit if submit else Given
            return [kind(messages=lot) for lot in _lots(held)]
        case TellEntries(peer, after, to):
            if telling.term != room.term or to > len(room.log):
                return []
            found = await asyncio.to_thread(context.store.room_copies.entries, room.log.room, after, to)
            if telling.term != room.term or len(found) != to - after:
                return []
            return _entries(room, peer, after, found)


def _entries(room: Room, peer: str, after: int, found: list[tuple[Head, Envelope | None]]) -> list[Said]:
    shown = [
        Entry(message=envelope) if envelope is not None and room.log.shows(peer, number) else Entry(head=head)
        for number, (head, envelope) in enumerate(found, after + 1)
    ]
    events: list[Said] = []
    for lot in _lots(shown) or [()]:
        have = Have(after, room.log.chain(after).hex())
        events.append(Entries(term=room.term, after=have, entries=lot, last=room.log.end_for(peer)))
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
    """As UTF-8 in JSON, at most; two for each quotation mark."""
    message = said.message if isinstance(said, Entry) else said
    if message is None:
        return HEAD_BYTES
    return len(message.payload.encode()) + message.payload.count('"') + message.payload.count("\\") + 200
