"""The driver's engine: everything that runs while a peer is online, started and stopped in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from academics_jupyter.errors import ProtocolError, RegistryUnreachableError, RemoteProtocolError
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.network.range_server import RangeServer
from academics_jupyter.network.read_server import ReadServer
from academics_jupyter.peer.chatting import ChattingService
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.courier import Courier
from academics_jupyter.peer.downloading import Downloader
from academics_jupyter.peer.events import PeerJoined, PeerLeft, ResourceShared
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.peer.indexing import keep_index
from academics_jupyter.peer.membership import MembershipService
from academics_jupyter.peer.meshing import MeshingService
from academics_jupyter.peer.presence import PresenceService
from academics_jupyter.peer.rating import keep_rates
from academics_jupyter.peer.room_running import RoomRunner
from academics_jupyter.peer.rooms import RoomsService
from academics_jupyter.peer.serving import ServingService
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.peer.steward import Steward
from academics_jupyter.peer.trees import TreeFetcher, TreeService
from academics_jupyter.peer.typing import TypingService
from academics_jupyter.protocol.records import Presence, Record, Resource, Signed, Vote, open_record
from academics_jupyter.protocol.rooms import Decline, Invite, RoomEvent
from academics_jupyter.protocol.starting import Step, steps
from academics_jupyter.protocol.wire import Ask, Chat, Done, News, Read, Seen, Token, Typing
from academics_jupyter.store.folder import DriverLock

SETTLE_S = 2.0
CANCEL_AGAIN_S = 1.0

log = logging.getLogger(__name__)


class Engine:
    """A running peer. `start` takes the profile's driver lock over; `stop` gives it back."""

    def __init__(
        self, context: Context, exploring: ExploringService, sharing: SharingService, chatting: ChattingService
    ) -> None:
        self._context = context
        settings = context.settings
        self._loopback = settings.is_local
        self.presence = PresenceService(context, lambda: self.meshing.show())
        self.membership = MembershipService(context)
        self.serving = ServingService(context, sharing)
        self.ranges = RangeServer(
            self.serving.find,
            self.serving.gone,
            lambda request: self.mesh.server.guard.trust(request),
            context.upload_limiter,
            settings.uploads_at_once,
        )
        self.mesh = Mesh(
            context.keys.signing,
            hello=self.presence.hello,
            accepts=self._accepts,
            link_up=self._link_up,
            link_down=self._link_down,
            routes=self.ranges.routes(),
            max_links=settings.max_links,
            loopback=self._loopback,
        )
        self._typing = TypingService(context, self.mesh)
        self.rooms = RoomRunner(context, self.mesh, self._typing.heard_in_room)
        self.courier = Courier(context, self.mesh, self.membership.says_busy, self.rooms.wrote)
        self.presence.attach(self.mesh, self.courier)
        self.meshing = MeshingService(
            context,
            self.mesh,
            self.membership,
            self.courier,
            register_anew=self.presence.register_anew,
            in_rooms=self.rooms.members,
        )
        self._trees = TreeFetcher(context, self.mesh, exploring, loopback=self._loopback)
        self._downloader = Downloader(
            context, self.mesh, exploring, sharing, TreeService(context), loopback=self._loopback
        )
        self.mesh.on("news", News, self._news)
        self.mesh.on("chat", Chat, chatting.receive)
        self.mesh.on("seen", Seen, chatting.seen)
        self.mesh.on("typing", Typing, self._typing.heard)
        rooms = RoomsService(context)
        self.mesh.on("invite", Invite, rooms.invited)
        self.mesh.on("decline", Decline, rooms.declined)
        self.mesh.on("room", RoomEvent, self.rooms.hear)
        self.mesh.on("token", Ask, self._token)
        self.mesh.on("read", Read, ReadServer(self.ranges).answer)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._lock: DriverLock | None = None
        self._stopping = False

    async def start(self, label: str) -> None:
        """Go online, in the founding order.

        Raises ProfileDrivenElsewhereError, MongodMissingError, or OSError where the port cannot be bound. A registry
        that does not answer is no hindrance: what waits for it goes out when it is back.
        """
        context = self._context
        self._lock = await asyncio.to_thread(context.folder.drive, label)
        try:
            returning = context.store.records.get(Presence, context.me) is not None
            await self._reach_registry()
            await asyncio.to_thread(context.store.counters.begin_epoch, context.clock.now_ms())
            await asyncio.to_thread(context.store.peers.nobody_online)
            await asyncio.to_thread(context.repository.sweep)
            context.driving, context.has_twin = True, False
            for step in steps(returning=returning):
                await self._take(step)
            await self._serve()
        except BaseException:
            await self.stop()
            raise

    async def stop(self, *, farewell: bool = True) -> None:
        """Leave cleanly: say so, hang up, give the profile back. Without `farewell`, for another process to go on."""
        if self._lock is None:
            return
        if farewell:
            await self.presence.leave()
        else:
            await self.presence.heartbeat.stop()
        self._stopping = True
        await self._end_tasks()
        self.meshing.close()
        await self.mesh.close()
        await asyncio.to_thread(self._context.store.peers.nobody_online)
        self._context.driving = False
        self._lock.release()
        self._lock = None

    async def _end_tasks(self) -> None:
        # More than once: before Python 3.12, a cancellation is lost that meets an answer within asyncio.wait_for.
        while tasks := set(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)

    async def part_from(self, peer: str) -> None:
        """Hang up on a peer and take back the tokens that it was given."""
        self.ranges.revoke(peer)
        if (link := self.mesh.links.get(peer)) is not None:
            await link.close()

    async def _reach_registry(self) -> None:
        try:
            async with self._context.asking():
                pass
        except RegistryUnreachableError as error:
            log.info("starting offline: %s", error)

    async def _take(self, step: Step) -> None:
        settings = self._context.settings
        match step:
            case Step.ASK:
                await self.meshing.ask()
            case Step.SERVE:
                await self.mesh.server.listen(settings.bind_host, settings.port)
            case Step.ANNOUNCE:
                await self.membership.hear([await self.presence.announce()])
            case Step.DIAL:
                self._run("meshing", self.meshing.serve())

    async def _serve(self) -> None:
        self._run("registry-queue", self.courier.serve_registry())
        self._run("news", self.courier.serve_news())
        self._run("recipients", self.courier.serve_recipients())
        self._run("trees", self._trees.serve())
        self._run("downloading", self._downloader.serve())
        self._run("rooms", self.rooms.serve())
        self._run("typing", self._typing.serve())
        self._run("steward", Steward(self._context, self.presence.heartbeat.renew_soon, self.part_from).serve())
        self._run("turning", self.presence.keep_turning())
        self._run("lease", self.presence.keep_lease())
        self._run("measurements", self.presence.note_measurements())
        self._run("rates", keep_rates(self._context))
        self._run("index", keep_index(self._context))
        if not self._context.registry_error:
            await self._settle()

    async def _settle(self) -> None:
        """Give the first dials and the registry queue a moment: the next cell may hold the loop for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self.meshing.dialled.wait()
                await self._context.flushed()

    def _run(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        if self._stopping:
            coroutine.close()
            return
        task = asyncio.create_task(coroutine, name=f"academics-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended in a fault of this program", task.get_name(), exc_info=error)

    def _accepts(self, peer: str) -> bool:
        if peer == self._context.me:
            # Whoever has proven that has our keys, and dials us to say so.
            self._context.note_twin(newer=False)
            return False
        contact = self._context.store.peers.get(peer)
        return contact is None or not contact.blocked

    async def _link_up(self, link: Link, records: list[Signed[Record]]) -> None:
        await asyncio.to_thread(self._met, link, records)
        await self.membership.hear(records)
        self._run(f"met-{link.name}", self.meshing.met(link))
        self._context.events.tell(PeerJoined(link.peer, link.name))
        self._run(f"courier-{link.name}", self.courier.serve_link(link))
        self._run(f"watch-{link.name}", self.presence.watch_link(link))

    def _met(self, link: Link, records: list[Signed[Record]]) -> None:
        store, now_ms = self._context.store, self._context.clock.now_ms()
        with store.transaction():
            for signed in records:
                store.records.put(signed)
            store.peers.seen(link.peer, link.name, now_ms)
            store.peers.link_up(link.peer, link.direction, now_ms)

    async def _link_down(self, link: Link) -> None:
        await asyncio.to_thread(self._context.store.peers.link_down, link.peer, self._context.clock.now_ms())
        self.rooms.lost(link)
        self._context.events.tell(PeerLeft(link.peer, link.name))
        self._run(f"lost-{link.name}", self.meshing.lost(link))

    async def _news(self, link: Link, news: News) -> Done:
        """Keep what holds and is new; what does not hold is dropped."""
        fresh: list[Signed[Record]] = []
        for envelope in news.records:
            try:
                signed = open_record(envelope)
            except ProtocolError as error:
                log.info("dropped news from %s: %s", link.name, error)
                continue
            if signed.record.expires_at_ms > self._context.clock.now_ms():
                fresh.append(signed)
        if await self.membership.hear(fresh):
            await self.meshing.show()
        lasting = [signed for signed in fresh if not isinstance(signed.record, Presence | Vote)]
        for record in await asyncio.to_thread(self._learn, lasting):
            if isinstance(record, Resource) and not record.withdrawn:
                self._context.events.tell(ResourceShared(record.id, record.title, record.peer))
        return Done()

    def _learn(self, signed: list[Signed[Record]]) -> list[Record]:
        store = self._context.store
        with store.transaction():
            return [each.record for each in signed if store.records.put(each)]

    async def _token(self, link: Link, ask: Ask) -> Token:
        served = await self.serving.find(ask.resource)
        if served is None:
            raise RemoteProtocolError("asked for something not held", "not_held")
        return self.ranges.grant(link.peer, ask.resource, served.size_bytes, len(served.tree))
