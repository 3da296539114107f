"""What happens at a peer, as frozen facts, and the bus that tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from weakref import WeakSet

QUEUE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """A link with a peer is up."""

    peer: str
    name: str


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """The link with a peer has ended."""

    peer: str
    name: str


@dataclass(frozen=True, slots=True)
class ResourceShared:
    """Somebody, or we, have published or changed a description."""

    resource: str
    title: str
    sharer: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message has come and is in the store."""

    id: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    """A message of ours is in its recipient's store."""

    id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class DownloadFinished:
    """A resource is whole, verified and in the repository."""

    download: int
    resource: str
    path: str


@dataclass(frozen=True, slots=True)
class DownloadFailed:
    """A download cannot go on now."""

    download: int
    resource: str
    error: str


Event = PeerJoined | PeerLeft | ResourceShared | MessageReceived | MessageDelivered | DownloadFinished | DownloadFailed


class EventStream(AsyncIterator[Event]):
    """The events since it was made, for ever; who does not keep up loses the oldest."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_LENGTH)

    async def __anext__(self) -> Event:
        return await self._queue.get()

    def put(self, event: Event) -> None:
        """One more event."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(event)


class EventBus:
    """Tells every event to every stream of this process that somebody still holds."""

    def __init__(self) -> None:
        self._streams: WeakSet[EventStream] = WeakSet()

    def tell(self, event: Event) -> None:
        """From the peer's loop only."""
        for stream in list(self._streams):
            stream.put(event)

    def events(self) -> EventStream:
        """The events from now on."""
        stream = EventStream()
        self._streams.add(stream)
        return stream
