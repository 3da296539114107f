"""What happens at a peer, as frozen facts, and the bus that tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

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


class EventBus:
    """Tells every event to every subscriber of this process; one that does not keep up loses the oldest."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()

    def tell(self, event: Event) -> None:
        """From the peer's loop only."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        """The events from now on, for ever."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
