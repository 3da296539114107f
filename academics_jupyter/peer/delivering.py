"""Delivers over one link what waits in the outbox for the peer at its other end, in order, one thing at a time.

What has just been written here, and is all that waits, is handed over and goes out at once; all else is read from the
outbox, which is also where what was handed over and did not get through still is. A message leaves the outbox in the
transaction that marks it delivered, after its recipient has said that it is on disk there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from dataclasses import dataclass

from msgspec import Struct

from academics_jupyter.errors import (
    NetworkError,
    PeerRefusedError,
    PeerUnreachableError,
    ProtocolError,
    StoreDamagedError,
    StoreError,
)
from academics_jupyter.network.link import Link
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import MessageDelivered
from academics_jupyter.peer.news_lots import lots_of_news
from academics_jupyter.protocol.records import Record, Signed
from academics_jupyter.protocol.rooms import Decline, Invite
from academics_jupyter.protocol.wire import Chat, Done, News, Seen
from academics_jupyter.store.outbox import OutboxEntry
from academics_jupyter.store.read_marks import NOTHING_READ

LASTING_REFUSALS = ("malformed", "bad_signature", "unknown_kind", "wrong_peer")
"""What is refused so will be refused again: it must not keep what waits behind it."""
FIRST_RETRY_S = 1.0
LAST_RESEND_S = 30.0
MAX_HOLDERS_TOLD = 8
CHAT_TIMEOUT_S = 900.0
"""A busy kernel acknowledges when its cell ends."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What an entry of the outbox says, as which event, and the records of what is attached."""

    entry_id: int
    kind: str
    reference: str
    event: str
    said: Struct
    attached: tuple[Signed[Record], ...] = ()


class Delivery:
    """One link's; `serve` ends with the link."""

    def __init__(self, context: Context, link: Link) -> None:
        self._context, self._link = context, link
        self._refused: set[int] = set()
        """What is to be tried again over the next link only."""
        self._changed = True
        self._handed: Parcel | None = None
        self._done_id = 0
        self._woken: asyncio.Future[None] | None = None

    def look(self) -> None:
        """Something waits for the peer."""
        self._changed = True
        self._wake()

    def hand(self, parcel: Parcel) -> None:
        """This has just been written, and nothing waits before it."""
        self._handed = parcel
        self._wake()

    async def serve(self) -> None:
        """Send what waits, until the link goes down."""
        retry_s = FIRST_RETRY_S
        while not self._link.down.is_set():
            if await without_fault(self._empty_queue()):
                retry_s = FIRST_RETRY_S
                await self._sleep()
            else:
                # What is queued meanwhile is behind what has just failed.
                await either(self._link.down, timeout_s=retry_s)
                retry_s = min(retry_s * 2, LAST_RESEND_S)

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def _sleep(self) -> None:
        if self._changed or self._handed is not None or self._link.down.is_set():
            return
        with contextlib.suppress(PeerUnreachableError), self._link.promised() as self._woken:
            await self._woken

    async def _empty_queue(self) -> bool:
        """Whether all has gone out that is not refused."""
        parcel = self._take_handed() or await asyncio.to_thread(self._look_for_next)
        while parcel is not None:
            try:
                await self._describe(parcel)
                await self._link.call(parcel.event, parcel.said, Done, CHAT_TIMEOUT_S)
            except PeerUnreachableError:
                return False
            except (NetworkError, ProtocolError) as error:
                if not await self._pass_over(parcel, error):
                    return False
                parcel = await asyncio.to_thread(self._look_for_next)
            else:
                parcel = await self._delivered(parcel)
        return True

    def _take_handed(self) -> Parcel | None:
        """What was handed over, unless it has been sent by now, read from the outbox."""
        parcel, self._handed = self._handed, None
        return parcel if parcel is not None and parcel.entry_id > self._done_id else None

    async def _delivered(self, parcel: Parcel) -> Parcel | None:
        """The next one, once this one is settled."""
        self._done_id = max(self._done_id, parcel.entry_id)
        following = await self._context.keeper.kept(self._settle, parcel, lasting=False)
        if parcel.kind == "message":
            self._context.events.tell(MessageDelivered(parcel.reference, self._link.peer))
        return following

    def _settle(self, parcel: Parcel) -> Parcel | None:
        # Read before the next one: what is queued while that is read has to be looked for again.
        store = self._context.store
        if parcel.kind == "message":
            store.read_marks.delivered(parcel.reference, self._link.peer)
        store.outbox.done(parcel.entry_id)
        return self._look_for_next()

    async def _pass_over(self, parcel: Parcel, error: NetworkError | ProtocolError) -> bool:
        """Whether what was not taken is to be passed over, so that it keeps nothing behind it."""
        await self._context.keeper.kept(self._context.store.outbox.failed, parcel.entry_id, str(error), lasting=False)
        if not isinstance(error, PeerRefusedError):
            return False
        if parcel.kind == "read":
            # A client may have no such event. What matters more must not wait for a mark.
            log.info("%s does not take how far it was read: %s", self._link.name, error)
        elif error.code in LASTING_REFUSALS:
            log.warning("%s refused a message: %s", self._link.name, error)
        else:
            return False
        self._refused.add(parcel.entry_id)
        return True

    def _look_for_next(self) -> Parcel | None:
        """The first thing that waits, as it is now, and is not refused."""
        self._changed, outbox = False, self._context.store.outbox
        entry = outbox.next(self._link.peer)
        while entry is not None:
            if entry.kind == "read" and not self._context.settings.read_marks:
                outbox.done(entry.id)  # turned off since the person has read
            elif entry.id not in self._refused:
                try:
                    return self._parcel(entry)
                except StoreDamagedError:
                    # It can never be sent; the others must not wait for it. Its author sees it as damaged.
                    log.exception("something for %s is damaged on disk and was taken out of the queue", self._link.name)
                    outbox.done(entry.id)
            entry = outbox.next(self._link.peer, entry.id)
        return None

    def _parcel(self, entry: OutboxEntry) -> Parcel:
        """Raises StoreDamagedError."""
        store, peer = self._context.store, entry.destination
        event: str
        said: Struct
        attached: tuple[Signed[Record], ...] = ()
        match entry.kind:
            case "message":
                event, said = "chat", Chat(message=store.messages.envelope(entry.reference))
                attached = self._attached(entry.reference)
            case "invitation":
                event, said = "invite", Invite(invitation=store.invitations.envelope(entry.reference, peer))
            case "read":
                mark = store.read_marks.ours(peer) or NOTHING_READ
                event, said = "seen", Seen(series=mark.series, sequence=mark.sequence)
            case _:
                event, said = "decline", Decline(room=entry.reference)
        return Parcel(entry.id, entry.kind, entry.reference, event, said, attached)

    def _attached(self, message_id: str) -> tuple[Signed[Record], ...]:
        """Descriptions and holders of the resources of a message, for a reader who has not heard of them."""
        message, records = self._context.store.messages.get(message_id), self._context.store.records
        attached: list[Signed[Record]] = []
        for resource in message.resources if message is not None else ():
            described = [signed for signed in records.resources(resource) if not signed.record.withdrawn]
            described.sort(key=lambda signed: signed.record.peer != self._context.me)
            holders = [signed for signed in records.holdings(resource) if signed.record.held]
            attached += [*described[:1], *holders[:MAX_HOLDERS_TOLD]]
        return tuple(attached)

    async def _describe(self, parcel: Parcel) -> None:
        """Send what is attached ahead of its message; who refuses it may find it in the registry."""
        for lot in lots_of_news(parcel.attached):
            with contextlib.suppress(PeerRefusedError):
                await self._link.call("news", News(records=lot), Done, CHAT_TIMEOUT_S)


async def without_fault(emptying: Awaitable[bool]) -> bool:
    """False too where the store cannot be read or written just now, as when the disk is full."""
    try:
        return await emptying
    except StoreError as error:
        log.warning("the outbox has to wait: %s", error)
        return False
