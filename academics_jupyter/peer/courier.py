"""Empties the outbox: records to the registry and, as news, to every link; what is for a peer over its link.

Each destination has its own queue, in order; what fails stays first in its queue until it goes through. What is sent
again because no acknowledgement came is known to registry and recipient, and changes nothing there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from academics_jupyter.errors import (
    NetworkError,
    PeerUnreachableError,
    ProtocolError,
    RegistryError,
    RegistryUnreachableError,
    StoreError,
)
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.delivering import FIRST_RETRY_S, Delivery, Parcel, without_fault
from academics_jupyter.peer.news_lots import lots_of_news
from academics_jupyter.protocol.messages import Message, is_room
from academics_jupyter.protocol.records import KINDS, Envelope, Record, Signed
from academics_jupyter.protocol.wire import Chat, Done, News
from academics_jupyter.store.outbox import REGISTRY, OutboxEntry

NO_ANSWER = "it does not answer"
"""What is noted of a record while the registry is away."""
LAST_RETRY_S = 5.0
"""Not longer, as it is also how late things go out once the registry is back."""

log = logging.getLogger(__name__)


class Courier:
    """Carries what waits, for as long as the peer runs."""

    def __init__(
        self, context: Context, mesh: Mesh, says_busy: Callable[[str], bool], room: Callable[[Message, Envelope], None]
    ) -> None:
        """`says_busy`: whether a peer has announced that it computes; `room` takes what was just written in a room."""
        self._room = room
        self._context, self._mesh, self._says_busy = context, mesh, says_busy
        self._loop = asyncio.get_running_loop()
        self._deliveries: dict[str, Delivery] = {}
        self.queued_for_others = asyncio.Event()
        """Set when something waits for somebody with whom there is no link."""
        self._told = 0
        self._telling: set[asyncio.Task[None]] = set()

    async def serve_registry(self) -> None:
        """Write what waits for the registry, in order, for ever."""
        retry_s = FIRST_RETRY_S
        with self._context.changes.watched("registry") as changed:
            while True:
                changed.clear()
                if await without_fault(self._empty_registry_queue()):
                    retry_s = FIRST_RETRY_S
                    await changed.wait()
                else:
                    await asyncio.sleep(retry_s)
                    retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def serve_news(self) -> None:
        """Tell every link of each record as soon as it is made, whether or not the registry can be reached."""
        with self._context.changes.watched("registry") as changed:
            while True:
                changed.clear()
                self._tell_new()
                await changed.wait()

    async def serve_recipients(self) -> None:
        """Have each link look for what was queued for its peer, for ever."""
        outbox = self._context.store.outbox
        self._context.store.messages.composed = self._composed
        try:
            with self._context.changes.watched("queued") as changed:
                while True:
                    await changed.wait()
                    changed.clear()
                    try:
                        recipients = await asyncio.to_thread(outbox.recipients)
                    except StoreError:
                        recipients = frozenset(self._deliveries)  # each of which tries until it can be read
                    for delivery in [self._deliveries[peer] for peer in recipients & self._deliveries.keys()]:
                        delivery.look()
                    if recipients - self._deliveries.keys():
                        self.queued_for_others.set()
        finally:
            self._context.store.messages.composed = None

    async def serve_link(self, link: Link) -> None:
        """Send what waits for the peer at the other end, in order, until the link goes down.

        What the registry does not have yet is news to a peer that has just come.
        """
        delivery = self._deliveries[link.peer] = Delivery(self._context, link)
        try:
            self._tell(self._records(await asyncio.to_thread(self._waiting, REGISTRY)), [link])
            await delivery.serve()
        finally:
            if self._deliveries.get(link.peer) is delivery:
                del self._deliveries[link.peer]

    def _composed(self, entry_id: int, message: Message, envelope: Envelope) -> None:
        """Hand over what was just written; in the thread that wrote it."""
        with suppress(RuntimeError):  # of a loop that has ended
            self._loop.call_soon_threadsafe(self._hand, entry_id, message, envelope)

    def _hand(self, entry_id: int, message: Message, envelope: Envelope) -> None:
        if is_room(message.recipient):
            self._room(message, envelope)
            return
        delivery = self._deliveries.get(message.recipient)
        if delivery is None:
            self.queued_for_others.set()
        elif message.resources:
            delivery.look()  # they are told of ahead of it
        else:
            delivery.hand(Parcel(entry_id, "message", message.id, "chat", Chat(message=envelope)))

    def _tell_new(self) -> None:
        entries = [entry for entry in self._waiting(REGISTRY) if entry.id > self._told]
        self.tell(self._records(entries))
        self._told = max([self._told, *(entry.id for entry in entries)])

    def tell(self, records: list[Signed[Record]]) -> list[asyncio.Task[None]]:
        """Send news to every link; but not to a busy peer, who does not read it.

        What is sent but not read fills its window, and a full window looks like a dead host after a while. Who misses
        news reads the registry.
        """
        awake = [link for link in self._mesh.links.values() if not (link.silent or self._says_busy(link.peer))]
        return self._tell(records, awake)

    def _tell(self, records: list[Signed[Record]], links: list[Link]) -> list[asyncio.Task[None]]:
        telling = [
            asyncio.create_task(_tell(link, News(records=lot))) for lot in lots_of_news(records) for link in links
        ]
        self._telling.update(telling)
        for task in telling:
            task.add_done_callback(self._telling.discard)
        return telling

    def _waiting(self, destination: str) -> list[OutboxEntry]:
        return self._context.store.outbox.waiting(destination)

    def _records(self, entries: list[OutboxEntry]) -> list[Signed[Record]]:
        return [signed for entry in entries if (signed := self._record(entry)) is not None]

    def _record(self, entry: OutboxEntry) -> Signed[Record] | None:
        label, _, key = entry.reference.partition("\n")
        return self._context.store.records.get(KINDS[label], key)

    async def _empty_registry_queue(self) -> bool:
        entries = self._waiting(REGISTRY)
        # What the registry has is no news any more: it is told before it may be taken off the queue.
        self._tell_new()
        for entry in entries:
            signed = self._record(entry)
            try:
                async with self._context.asking() as registry:
                    if signed is not None:
                        await registry.publish(signed)
            except RegistryError as error:
                why = NO_ANSWER if isinstance(error, RegistryUnreachableError) else str(error)
                await asyncio.to_thread(self._context.store.outbox.failed, entry.id, why)
                return False
            await asyncio.to_thread(self._context.store.outbox.done, entry.id)
        return True


async def _tell(link: Link, news: News) -> None:
    try:
        await link.call("news", news, Done)
    except (NetworkError, ProtocolError) as error:
        link.silent = isinstance(error, PeerUnreachableError)
        log.debug("news did not reach %s: %s", link.name, error)
