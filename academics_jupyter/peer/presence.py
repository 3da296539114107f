"""Being online: announcing ourselves, keeping the lease, measuring the links, leaving."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from academics_jupyter import __version__
from academics_jupyter.errors import NetworkError, ProtocolError, RegistryError
from academics_jupyter.network.addresses import announced_urls
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh, measure
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.courier import Courier
from academics_jupyter.peer.events import LoopStarved
from academics_jupyter.peer.heartbeat import Heartbeat
from academics_jupyter.protocol.handshake import VERSION
from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, Envelope, Presence, Profile, Signed, sign_record
from academics_jupyter.protocol.wire import Hello

MEASURE_INTERVAL_S = 30.0
NOTE_AFTER_S = 2.0
"""Measurements are kept in lots: one by one, a large mesh would never let the disk rest."""
TURN_INTERVAL_S = 0.25
STARVED_S = 30.0
"""A loop that has not turned for so long is worth telling the person."""
LEAVE_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


class PresenceService:
    """Runs while the peer is online."""

    def __init__(self, context: Context, show: Callable[[], Awaitable[None]]) -> None:
        """`show` has the store say anew who is online."""
        self._context, self._show = context, show
        self._mesh: Mesh
        self._courier: Courier
        self._signed: Signed[Presence] | None = None
        self._rtts_ms: dict[str, float] = {}
        self._measured = asyncio.Event()
        self.urls: tuple[str, ...] = ()
        self.heartbeat = Heartbeat(context.settings, lambda busy: self.sign(online=True, busy=busy))

    def attach(self, mesh: Mesh, courier: Courier) -> None:
        """The mesh is made with our `hello`, so it comes after us."""
        self._mesh, self._courier = mesh, courier

    def hello(self) -> Hello:
        """Our hello: presence and profile."""
        envelopes: list[Envelope] = []
        if self._signed is not None:
            envelopes.append(self._signed.envelope)
        profile = self._context.store.records.get(Profile, self._context.me)
        if profile is not None:
            envelopes.append(profile.envelope)
        return Hello(version=VERSION, agent=f"academics/{__version__}", records=tuple(envelopes))

    def sign(self, *, online: bool, busy: bool = False) -> Signed[Presence]:
        """A fresh presence of ours; it is what `hello` carries from now on. May be called in any thread."""
        context, server = self._context, self._mesh.server
        settings = context.settings
        details = context.store.profile.get()
        self.urls = settings.public_urls or announced_urls(settings.bind_host, server.port)
        presence = Presence(
            **context.header(PRESENCE_LEASE_MS),
            name=details.name if details else "",
            urls=self.urls,
            certificate=server.certificate,
            online=online,
            busy=busy,
        )
        self._signed = sign_record(context.keys.signing, presence)
        context.store.records.put(self._signed)
        return self._signed

    async def announce(self) -> Signed[Presence]:
        """Write our presence to the registry, and keep its lease from now on."""
        signed = self.sign(online=True)
        self.heartbeat.start()
        try:
            async with self._context.asking() as registry:
                await registry.publish(signed)
        except RegistryError as error:
            log.info("not announced yet: %s", error)
            self.heartbeat.renew_soon()
        return signed

    async def register_anew(self) -> Signed[Presence]:
        """Removed though alive: come back under a new epoch."""
        await asyncio.to_thread(self._context.store.counters.begin_epoch, self._context.clock.now_ms())
        signed = await self.announce()
        self._courier.tell([signed])
        return signed

    async def keep_lease(self) -> None:
        """Renew our presence in the registry whenever that is due, until we leave."""
        while await self.heartbeat.is_due():
            try:
                async with self._context.asking() as registry:
                    # Signed on the loop, where nothing that leaves can come between, and say less than was said.
                    await registry.publish(self.sign(online=True))
            except RegistryError as error:
                log.info("the presence was not renewed: %s", error)
                self.heartbeat.renewed(done=False)
            else:
                self.heartbeat.renewed(done=True)

    async def keep_turning(self) -> None:
        """Wake the loop now and then, for ever: the heartbeat sees by it that the loop turns.

        It also lets a cell that awaits be interrupted, for signals are seen between wakings.
        """
        while True:
            if (still_s := self.heartbeat.turned()) >= STARVED_S:
                self._context.events.tell(LoopStarved(still_s))
            await asyncio.sleep(TURN_INTERVAL_S)

    async def watch_link(self, link: Link) -> None:
        """Measure a link's round trip now and then, until it goes down."""
        while not link.down.is_set():
            was_silent = link.silent
            with contextlib.suppress(NetworkError, ProtocolError):
                self._rtts_ms[link.peer] = await measure(link)
                self._measured.set()
            if link.silent is not was_silent:
                await self._show()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.down.wait(), MEASURE_INTERVAL_S)

    async def note_measurements(self) -> None:
        """Keep what was measured, for ever."""
        while True:
            await self._measured.wait()
            await asyncio.sleep(NOTE_AFTER_S)
            self._measured.clear()
            measured, self._rtts_ms = self._rtts_ms, {}
            await asyncio.to_thread(self._set_rtts, measured)

    def _set_rtts(self, measured: dict[str, float]) -> None:
        store = self._context.store
        with store.transaction(lasting=False):
            for peer, rtt_ms in measured.items():
                store.peers.set_rtt(peer, rtt_ms)

    async def leave(self) -> None:
        """Tell links and registry that we go; within LEAVE_TIMEOUT_S, whatever they do."""
        await self.heartbeat.stop()
        if self._signed is None:
            return
        farewell = self.sign(online=False)
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await asyncio.gather(*self._courier.tell([farewell]), self._sign_off(farewell))
        except TimeoutError:
            log.info("left without the registry's knowing; the lease will run out")

    async def _sign_off(self, farewell: Signed[Presence]) -> None:
        with contextlib.suppress(RegistryError):
            async with self._context.asking() as registry:
                await registry.publish(farewell)
