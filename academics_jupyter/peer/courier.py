"""Empties the outbox: records to the registry and, as news, to every link; messages and marks to their recipients.

Each destination has its own queue, in order; what fails stays first in its queue until it goes through. A message
leaves the queue in the transaction that marks it delivered, after its recipient has said that it is on disk there. What
is sent again because no acknowledgement came is known to registry and recipient, and changes nothing there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from academics_jupyter.errors import (
    NetworkError,
    PeerRefusedError,
    PeerUnreachableError,
    ProtocolError,
    RegistryError,
    RegistryUnreachableError,
    StoreDamagedError,
    StoreError,
)
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import MessageDelivered
from academics_jupyter.protocol.records import KINDS, Envelope, Record, Signed
from academics_jupyter.protocol.rooms import Decline, Invite
from academics_jupyter.protocol.wire import MAX_EVENT_BYTES, MAX_RECORDS, Chat, Done, News, Seen
from academics_jupyter.store.outbox import REGISTRY, OutboxEntry
from academics_jupyter.store.read_marks import NOTHING_READ

NEWS_BYTES = MAX_EVENT_BYTES * 9 // 10
"""Envelopes in one event of news, as JSON; the event's own few characters come on top."""
LASTING_REFUSALS = ("malformed", "bad_signature", "unknown_kind", "wrong_peer")
"""What is refused so will be refused again: it must not keep what waits behind it."""
NO_ANSWER = "it does not answer"
"""What is noted of a record while the registry is away."""
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 5.0
"""Not longer, as it is also how late things go out once the registry is back."""
LAST_RESEND_S = 30.0
MAX_HOLDERS_TOLD = 8
CHAT_TIMEOUT_S = 900.0
"""A busy kernel acknowledges when its cell ends."""

log = logging.getLogger(__name__)


class Courier:
    """Carries what waits, for as long as the peer runs. `says_busy`: whether a peer has announced that it computes."""

    def __init__(self, context: Context, mesh: Mesh, says_busy: Callable[[str], bool]) -> None:
        self._context, self._mesh, self._says_busy = context, mesh, says_busy
        self._told = 0
        self._telling: set[asyncio.Task[None]] = set()

    async def serve_registry(self) -> None:
        """Write what waits for the registry, in order, for ever."""
        retry_s = FIRST_RETRY_S
        with self._context.changes.watched("outbox") as changed:
            while True:
                changed.clear()
                if await _without_fault(self._empty_registry_queue()):
                    retry_s = FIRST_RETRY_S
                    await changed.wait()
                else:
                    await asyncio.sleep(retry_s)
                    retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def serve_news(self) -> None:
        """Tell every link of each record as soon as it is made, whether or not the registry can be reached."""
        with self._context.changes.watched("outbox") as changed:
            while True:
                changed.clear()
                entries = [entry for entry in self._waiting(REGISTRY) if entry.id > self._told]
                self.tell(self._records(entries))
                self._told = max([self._told, *(entry.id for entry in entries)])
                await changed.wait()

    async def serve_link(self, link: Link) -> None:
        """Send what waits for the peer at the other end, in order, until the link goes down.

        What the registry does not have yet is news to a peer that has just come.
        """
        self._tell(self._records(self._waiting(REGISTRY)), [link])
        retry_s = FIRST_RETRY_S
        refused: set[int] = set()
        with self._context.changes.watched("outbox") as changed:
            while not link.down.is_set():
                changed.clear()
                if await _without_fault(self._empty_queue_of(link, refused)):
                    retry_s = FIRST_RETRY_S
                    await either(changed, link.down)
                else:
                    # What is queued meanwhile is behind what has just failed.
                    await either(link.down, timeout_s=retry_s)
                    retry_s = min(retry_s * 2, LAST_RESEND_S)

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
        for entry in self._waiting(REGISTRY):
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

    async def _empty_queue_of(self, link: Link, refused: set[int]) -> bool:
        """Whether all has gone out but what is `refused`, to be tried again over the next link only."""
        for entry in self._waiting(link.peer):
            if entry.kind == "read" and not self._context.settings.read_marks:
                # Turned off since the person has read.
                await asyncio.to_thread(self._context.store.outbox.done, entry.id)
            if entry.id in refused or not await asyncio.to_thread(self._context.store.outbox.holds, entry.id):
                # Withdrawn since, or queued anew.
                continue
            try:
                event, said, attached = await asyncio.to_thread(self._said, entry)
            except StoreDamagedError:
                # It can never be sent; the others must not wait for it. Its author sees it as damaged.
                log.exception("something for %s is damaged on disk and was taken out of the queue", link.name)
                await asyncio.to_thread(self._context.store.outbox.done, entry.id)
                continue
            try:
                await self._describe(link, attached)
                await link.call(event, said, Done, CHAT_TIMEOUT_S)
            except PeerUnreachableError:
                return False
            except (NetworkError, ProtocolError) as error:
                await asyncio.to_thread(self._context.store.outbox.failed, entry.id, str(error))
                if isinstance(error, PeerRefusedError) and entry.kind == "read":
                    # A client may have no such event. What matters more must not wait for a mark.
                    log.info("%s does not take how far it was read: %s", link.name, error)
                    refused.add(entry.id)
                    continue
                if isinstance(error, PeerRefusedError) and error.code in LASTING_REFUSALS:
                    log.warning("%s refused a message: %s", link.name, error)
                    refused.add(entry.id)
                    continue
                return False
            await asyncio.to_thread(self._delivered, entry)
            if entry.kind == "message":
                self._context.events.tell(MessageDelivered(entry.reference, link.peer))
        return True

    def _said(self, entry: OutboxEntry) -> tuple[str, Struct, list[Signed[Record]]]:
        """What an entry for a peer says, as which event, and the records of what is attached.

        Raises StoreDamagedError.
        """
        store = self._context.store
        match entry.kind:
            case "message":
                chat = Chat(message=store.messages.envelope(entry.reference))
                return "chat", chat, self._attached(entry.reference)
            case "invitation":
                invitation = store.invitations.envelope(entry.reference, entry.destination)
                return "invite", Invite(invitation=invitation), []
            case "read":
                mark = store.read_marks.ours(entry.destination) or NOTHING_READ
                return "seen", Seen(series=mark.series, sequence=mark.sequence), []
            case _:
                return "decline", Decline(room=entry.reference), []

    def _attached(self, message_id: str) -> list[Signed[Record]]:
        """Descriptions and holders of the resources of a message, for a reader who has not heard of them."""
        message, records = self._context.store.messages.get(message_id), self._context.store.records
        attached: list[Signed[Record]] = []
        for resource in message.resources if message is not None else ():
            described = [signed for signed in records.resources(resource) if not signed.record.withdrawn]
            described.sort(key=lambda signed: signed.record.peer != self._context.me)
            holders = [signed for signed in records.holdings(resource) if signed.record.held]
            attached += [*described[:1], *holders[:MAX_HOLDERS_TOLD]]
        return attached

    async def _describe(self, link: Link, attached: list[Signed[Record]]) -> None:
        """Send what is attached ahead of its message; who refuses it may find it in the registry."""
        for lot in lots_of_news(attached):
            with contextlib.suppress(PeerRefusedError):
                await link.call("news", News(records=lot), Done, CHAT_TIMEOUT_S)

    def _delivered(self, entry: OutboxEntry) -> None:
        store = self._context.store
        with store.transaction():
            if entry.kind == "message":
                store.read_marks.delivered(entry.reference, entry.destination)
            store.outbox.done(entry.id)


def lots_of_news(records: list[Signed[Record]]) -> list[tuple[Envelope, ...]]:
    """The records' envelopes, in order, in lots that each fit into one event."""
    lots: list[list[Envelope]] = []
    lot_bytes = NEWS_BYTES
    for signed in records:
        size_bytes = len(msgspec.json.encode(signed.envelope)) + 1
        if lot_bytes + size_bytes > NEWS_BYTES or len(lots[-1]) == MAX_RECORDS:
            lots.append([])
            lot_bytes = 0
        lot_bytes += size_bytes
        lots[-1].append(signed.envelope)
    return [tuple(lot) for lot in lots]


async def _without_fault(emptying: Awaitable[bool]) -> bool:
    """False too where the store cannot be read or written just now, as when the disk is full."""
    try:
        return await emptying
    except StoreError as error:
        log.warning("the outbox has to wait: %s", error)
        return False


async def _tell(link: Link, news: News) -> None:
    try:
        await link.call("news", news, Done)
    except (NetworkError, ProtocolError) as error:
        link.silent = isinstance(error, PeerUnreachableError)
        log.debug("news did not reach %s: %s", link.name, error)
