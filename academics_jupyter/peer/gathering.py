"""Drawing one transfer from all holders that are online, as they come, go, stall and lie."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from academics_jupyter.errors import (
    AcademicsError,
    NetworkError,
    NoHolderError,
    NotVerifiedError,
    PeerRefusedError,
    PeerUnreachableError,
    ProtocolError,
    TransferError,
)
from academics_jupyter.network.link import Link
from academics_jupyter.network.link_reader import LinkReader
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.network.range_client import CONNECT_TIMEOUT_S, PATIENCE_S, RangeReader
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.drawing import HttpsDrawing, LinkDrawing
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.peer.transfer import Source, Transfer
from academics_jupyter.protocol.records import Presence
from academics_jupyter.protocol.wire import Ask, Token
from academics_jupyter.store.downloads import Download, added_shares

MOST_HOLDERS = 8
"""More at once than fill any line would only cost connections."""
NEXT_AFTER_S = 10.0
"""For how long a holder may send nothing while there is another one to go on with; the last one has PATIENCE_S."""
INWARD_TIMEOUT_S = 3.0
PROGRESS_INTERVAL_S = 0.2
RETURN_S = 15.0
"""For how long a transfer that has begun waits for a holder: one may be moving to another process, or be restarted."""
LOOK_INTERVAL_S = 10.0
"""How often the registry is asked who holds it; news comes sooner."""
TRIES = 3
RETRY_S = 2.0
"""The pause before the next try; after TRIES it is doubled each time, up to MOST_PATIENCE times as long."""
MOST_PATIENCE = 16
BUSY_S = 3.0
"""After which a holder that serves as many as it may is asked again."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Holder:
    """A holder, while it is online."""

    presence: Presence
    task: asyncio.Task[None] | None = None
    reader: RangeReader | None = None
    failures: int = 0
    due_s: float = 0.0
    failed: Exception | None = None
    given_up: Exception | None = None


class Gathering:
    """One download's transfer. Runs on the peer's loop; the bytes come in threads, whatever the loop does meanwhile."""

    def __init__(
        self,
        context: Context,
        mesh: Mesh,
        exploring: ExploringService,
        threads: ThreadPoolExecutor,
        row: Download,
        transfer: Transfer,
        *,
        loopback: bool,
    ) -> None:
        """`threads` are for the holders' bytes, one each."""
        self._context, self._mesh, self._exploring = context, mesh, exploring
        self._threads, self._row, self._transfer, self._loopback = threads, row, transfer, loopback
        self._holders: dict[str, _Holder] = {}
        self._failed: Exception | None = None
        self._ended = asyncio.Event()
        self._looked_s = float("-inf")
        self._last_byte_s = float("-inf")
        self._done_bytes: int | None = None

    async def run(self) -> None:
        """Return once all is there.

        Raises NoHolderError where nobody who holds it is online, TransferError where those who are cannot give it,
        StoreError where the disk takes no more. What was verified stays.
        """
        transfer = self._transfer
        try:
            with self._context.changes.watched("holdings", "peers") as news:
                while not transfer.is_complete:
                    if transfer.error is not None:
                        raise transfer.error
                    await self._look(news)
                    self._draw()
                    self._part_from_silent()
                    await self._show()
                    if self._has_nobody():
                        raise self._meaning()
                    await either(self._ended, timeout_s=PROGRESS_INTERVAL_S)
                    self._ended.clear()
                await self._show()
        finally:
            await self._end()

    def _has_nobody(self) -> bool:
        """Whether nobody is left to go on with. Where bytes have come, somebody may come back within RETURN_S."""
        holders = self._holders.values()
        if any(holder.task or not (holder.given_up or holder.failures >= TRIES) for holder in holders):
            return False
        return time.monotonic() >= self._last_byte_s + RETURN_S

    async def _look(self, news: asyncio.Event) -> None:
        """See who holds it now."""
        now_s = time.monotonic()
        if now_s < self._looked_s + (RETRY_S if news.is_set() else LOOK_INTERVAL_S):
            return
        news.clear()
        self._looked_s = now_s
        online = {presence.peer: presence for presence in await self._online_holders()}
        for peer, presence in online.items():
            known = self._holders.get(peer)
            if known is None or (known.task is None and known.presence.epoch != presence.epoch):
                self._holders[peer] = _Holder(presence)
        for peer in self._holders.keys() - online.keys():
            if self._holders[peer].task is None and not isinstance(self._holders[peer].given_up, NotVerifiedError):
                del self._holders[peer]

    async def _online_holders(self) -> list[Presence]:
        """Those who hold it, or the folder that it was chosen from; the slow ones last."""
        online = await self._exploring.online()
        peers: dict[str, None] = {}
        for resource in filter(None, (self._row.resource, self._row.inside)):
            peers |= dict.fromkeys(await self._exploring.holders(resource))
        there = [online[peer] for peer in peers if peer in online and peer != self._context.me]
        return sorted(there, key=self._is_slow)

    def _is_slow(self, presence: Presence) -> bool:
        link = self._mesh.links.get(presence.peer)
        return presence.busy or (link is not None and link.silent)

    def _draw(self) -> None:
        """Draw from whom we do not draw yet."""
        now_s = time.monotonic()
        for holder in self._holders.values():
            under_way = sum(each.task is not None for each in self._holders.values())
            if holder.task is None and not holder.given_up and now_s >= holder.due_s and under_way < MOST_HOLDERS:
                name = f"academics-draw-{holder.presence.name}"
                holder.task = asyncio.create_task(self._draw_from(holder), name=name)
                holder.task.add_done_callback(partial(self._drawn, holder))

    def _drawn(self, holder: _Holder, _task: asyncio.Task[None]) -> None:
        holder.task = holder.reader = None
        self._ended.set()

    async def _draw_from(self, holder: _Holder) -> None:
        """Draw from one holder, and note how it went."""
        presence = holder.presence
        before = self._given(presence.peer)
        try:
            await self._try(holder)
        except (NetworkError, ProtocolError, NotVerifiedError) as error:
            log.info("downloading %s from %s: %s", self._row.name, presence.name, error)
            self._failed = holder.failed = error
            code = error.code if isinstance(error, PeerRefusedError) else ""
            if self._given(presence.peer) > before or code in ("stale_token", "busy", "too_fast"):
                holder.failures = 0
            else:
                holder.failures += 1
            if isinstance(error, NotVerifiedError) or code in ("not_held", "malformed"):
                holder.given_up = error
            pause_s = RETRY_S * min(2 ** max(0, holder.failures - TRIES), MOST_PATIENCE)
            holder.due_s = time.monotonic() + {"stale_token": 0.0, "busy": BUSY_S}.get(code, pause_s)
        except Exception as error:
            log.exception("a fault of this program while downloading %s from %s", self._row.name, presence.name)
            holder.given_up = holder.failed = self._failed = error

    def _given(self, peer: str) -> int:
        return sum(share.given_bytes for share in self._transfer.progress()[2] if share.peer == peer)

    async def _try(self, holder: _Holder) -> None:
        presence, transfer = holder.presence, self._transfer
        link = await self._mesh.dial(presence)
        token = await link.call("token", Ask(resource=self._row.resource), Token, self._patience_s())
        if token.size_bytes != transfer.contents.size_bytes:
            raise PeerRefusedError(f"{presence.name} holds something of another length.", "malformed")
        reader = RangeReader(
            presence,
            self._row.resource,
            token.token,
            self._context.download_limiter,
            loopback=self._loopback,
            # Who has dialled us may well be behind a firewall, and then there is the link.
            connect_timeout_s=CONNECT_TIMEOUT_S if link.direction == "out" else INWARD_TIMEOUT_S,
        )
        source = Source(presence.peer, presence.name, reader.interrupt)
        holder.reader = reader
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, HttpsDrawing(transfer, source, reader).run)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            reader.interrupt()
            await asyncio.wait([running])
            if running.done():
                running.exception()  # seen
            raise
        except PeerUnreachableError:
            if reader.has_connected:
                raise
            await self._over_link(link, source)
        finally:
            await asyncio.to_thread(self._leave, source)

    async def _over_link(self, link: Link, source: Source) -> None:
        log.info("no address of %s answers: %s comes over the link", source.name, self._row.name)
        reader = LinkReader(link, self._row.resource, self._context.download_limiter)
        await LinkDrawing(self._transfer, source, reader).run()

    def _leave(self, source: Source) -> None:
        if self._transfer.leave(source):
            raise NotVerifiedError(f"{source.name} sent a piece that is not the resource's.")

    def _part_from_silent(self) -> None:
        """Interrupt who has sent nothing for too long; its pieces are with the others by then."""
        patience_s = self._patience_s()
        for holder in self._holders.values():
            if holder.reader is not None and holder.reader.silent_s > patience_s:
                holder.reader.interrupt()

    def _patience_s(self) -> float:
        others = sum(not holder.given_up for holder in self._holders.values())
        return NEXT_AFTER_S if others > 1 else PATIENCE_S

    async def _show(self) -> None:
        """Write the progress to the store."""
        done_bytes, rate_bytes_s, shares, pieces = self._transfer.progress()
        if any(share.given_bytes for share in shares) and done_bytes != self._done_bytes:
            self._last_byte_s = time.monotonic()
        self._done_bytes = done_bytes
        downloads = self._context.store.downloads
        await asyncio.to_thread(
            downloads.turn,
            self._row.id,
            "active",
            done_bytes=done_bytes,
            rate_bytes_s=rate_bytes_s,
            holders=added_shares(self._row.holders, shares),
            pieces=pieces,
        )

    async def _end(self) -> None:
        """Part from all holders, and wait until their threads have let go of the part."""
        self._transfer.end()
        tasks = [holder.task for holder in self._holders.values() if holder.task]
        for holder in self._holders.values():
            if holder.reader is not None:
                holder.reader.interrupt()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        done_bytes, _, shares, pieces = self._transfer.progress()
        if shares:
            holders = added_shares(self._row.holders, shares)
            settle = self._context.store.downloads.settle
            await asyncio.to_thread(settle, self._row.id, done_bytes=done_bytes, holders=holders, pieces=pieces)

    def _meaning(self) -> TransferError:
        """What the holders' failures come to: who only did not answer may yet."""
        name = self._row.name
        if self._failed is None:
            return NoHolderError(f"Nobody who holds {name} is online now: try again later.")
        if self._holders and all(_is_not_held(holder.given_up) for holder in self._holders.values()):
            return TransferError(
                f"Who was said to hold {name} no longer does: the registry is being corrected; try again later."
            )
        passing = [holder.failed for holder in self._holders.values() if not _is_not_held(holder.failed)]
        error = next((error for error in passing if error), self._failed)
        why = str(error) if isinstance(error, AcademicsError) else "A fault in this program; the log says more."
        return TransferError(f"{why} Downloading {name} again goes on where it stopped.")


def _is_not_held(error: Exception | None) -> bool:
    return isinstance(error, PeerRefusedError) and error.code == "not_held"
