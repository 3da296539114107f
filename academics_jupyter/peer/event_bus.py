"""Tells what happens to every stream in every process of the profile.

    told -> this process's streams, at once
         -> the store's recent events, a burst in one transaction -> doorbell -> the other processes' streams,
            if there are other processes

A stream gets each event once, those of one process in the order in which they were told there, and none that was told
before the stream was made. Only what is told in the instant before a `kill -9` may miss the other processes; what it is
about is in the store all the same.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import get_args
from weakref import WeakSet

import msgspec

from academics_jupyter.errors import StoreError
from academics_jupyter.peer.events import Event, MessageReceived
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.events import KEPT, ToldEvent
from academics_jupyter.store.store import Store

QUEUE_LENGTH = 1000
BURST_S = 0.01
"""After an event, for more to come: what happens now needs the disk and the processor more."""
RETRY_INTERVAL_S = 1.0

_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}

log = logging.getLogger(__name__)


class EventStream(AsyncIterator[Event]):
    """The events since it was made, for ever; who does not keep up loses the oldest."""

    def __init__(self) -> None:
        self.made_at_ns = time.monotonic_ns()
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_LENGTH)

    async def __anext__(self) -> Event:
        return await self._queue.get()

    def put(self, event: Event) -> None:
        """One more event."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)


class EventBus:
    """One process's end of it, for its loop only. A stream is told of events for as long as somebody holds it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._origin = secrets.token_hex(8)
        self._streams: WeakSet[EventStream] = WeakSet()
        self._unwritten: list[ToldEvent] = []
        self._position = store.events.last()
        self._wanted = asyncio.Event()
        self._is_rung = False
        self._thread = threading.get_ident()
        self._unsubscribe = store.subscribe(self._rung)
        self._closing = False
        self._exchanging = asyncio.create_task(self._exchange(), name="academics-events")

    def tell(self, event: Event) -> None:
        """It has just happened."""
        if not self._unwritten:
            asyncio.get_running_loop().call_later(BURST_S, self._wanted.set)
        self._unwritten.append(self._told(event))
        for stream in list(self._streams):
            stream.put(event)

    def events(self) -> EventStream:
        """The events from now on."""
        stream = EventStream()
        self._streams.add(stream)
        return stream

    async def close(self) -> None:
        """Let the others know what has been told, and tell no more."""
        self._unsubscribe()
        self._closing = True
        self._wanted.set()
        await self._exchanging

    def _rung(self, topics: frozenset[str]) -> None:
        # What other processes have changed is told on the loop, what this one has in the thread that wrote it.
        if "events" in topics and threading.get_ident() == self._thread:
            self._is_rung = True
            self._wanted.set()

    async def _exchange(self) -> None:
        while not self._closing:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._write()
                await self._read()
            except StoreError as error:
                log.warning("events have not reached the profile's other kernels: %s", error)
                asyncio.get_running_loop().call_later(RETRY_INTERVAL_S, self._wanted.set)

    async def _write(self) -> None:
        burst, self._unwritten = self._unwritten, []
        try:
            if burst and self._store.doorbell.has_others():
                await asyncio.to_thread(self._store.events.append, burst)
        except StoreError:
            self._unwritten = [*burst, *self._unwritten][-KEPT:]
            raise

    async def _read(self) -> None:
        if not (self._is_rung and self._streams):
            return
        self._is_rung = False
        try:
            self._position, told = await asyncio.to_thread(self._others)
        except StoreError:
            self._is_rung = True
            raise
        for told_at_ns, event in told:
            for stream in list(self._streams):
                if told_at_ns >= stream.made_at_ns:
                    stream.put(event)

    def _told(self, event: Event) -> ToldEvent:
        if isinstance(event, MessageReceived):
            event = replace(event, text="")
        body = msgspec.json.encode(event).decode()
        return ToldEvent(self._origin, time.monotonic_ns(), type(event).__name__, body)

    def _others(self) -> tuple[int, list[tuple[int, Event]]]:
        """What other processes have told since the last call."""
        position, told = self._store.events.after(self._position)
        others = [(each.told_at_ns, self._event(each)) for each in told if each.origin != self._origin]
        return position, [(told_at_ns, event) for told_at_ns, event in others if event is not None]

    def _event(self, told: ToldEvent) -> Event | None:
        """None for what another version of this software has told, if this one does not know it."""
        kind = _KINDS.get(told.kind)
        if kind is None:
            return None
        try:
            event = msgspec.json.decode(told.body, type=prepared(kind))
        except msgspec.ValidationError:
            return None
        if isinstance(event, MessageReceived) and (message := self._store.messages.get(event.id)) is not None:
            return replace(event, text=message.text)
        return event
