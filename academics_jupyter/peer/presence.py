"""Being online: announcing ourselves, keeping the lease, finding and dialling the others, leaving.

The order is the founding rules': who starts for the first time asks who is online and then starts the server; who
returns starts the server first and then announces. The engine keeps that order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

from academics_jupyter import __version__
from academics_jupyter.errors import NetworkError, ProtocolError, RegistryError
from academics_jupyter.network.addresses import announced_urls
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh, measure
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.courier import Courier
from academics_jupyter.peer.heartbeat import Heartbeat
from academics_jupyter.protocol.handshake import VERSION
from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, Envelope, Presence, Profile, Signed, sign_record
from academics_jupyter.protocol.wire import Hello

MEASURE_INTERVAL_S = 30.0
TURN_INTERVAL_S = 0.25
REFRESH_INTERVAL_S = 5.0
REDIAL_INTERVAL_S = 15.0
LEAVE_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


class PresenceService:
    """Runs while the peer is online."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mesh: Mesh
        self._courier: Courier
        self._signed: Signed[Presence] | None = None
        self._last_dial_s: dict[str, float] = {}
        self.urls: tuple[str, ...] = ()
        self.has_looked_around = asyncio.Event()
        """Set once those who were online when we started have been dialled."""
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

    async def announce(self) -> None:
        """Write our presence to the registry, and keep its lease from now on."""
        signed = self.sign(online=True)
        try:
            async with self._context.asking() as registry:
                await registry.publish(signed)
        except RegistryError as error:
            log.info("not announced yet: %s", error)
            self.heartbeat.renew_soon()
        self.heartbeat.start()

    async def keep_turning(self) -> None:
        """Wake the loop now and then, for ever: the heartbeat sees by it that the loop turns.

        It also lets a cell that awaits be interrupted, for signals are seen between wakings.
        """
        while True:
            self.heartbeat.turned()
            await asyncio.sleep(TURN_INTERVAL_S)

    async def keep_meshed(self) -> None:
        """Learn for ever who is online, and dial whom there is no link with."""
        while True:
            await self.refresh()
            self.has_looked_around.set()
            # Jitter, so that peers that started together do not read the registry together.
            await asyncio.sleep(REFRESH_INTERVAL_S * random.uniform(0.7, 1.3))  # noqa: S311

    async def refresh(self) -> None:
        """Ask the registry who is online and dial those without a link; a failing dial is nobody else's matter."""
        try:
            async with self._context.asking() as registry:
                active = await registry.active()
        except RegistryError:
            active = self._remembered()
        else:
            await asyncio.to_thread(self.remember, active)
        await asyncio.gather(*(self._dial(signed.record) for signed in active if self._is_due(signed.record)))

    def remember(self, presences: list[Signed[Presence]]) -> None:
        """Keep presences for when the registry is away, and for the profile's passengers."""
        store = self._context.store
        known = {signed.record.peer: signed.record.rank for signed in store.records.presences()}
        fresh = [signed for signed in presences if signed.record.rank > known.get(signed.record.peer, (-1, -1))]
        if fresh:
            with store.transaction():
                for signed in fresh:
                    store.records.put(signed)
                    store.peers.seen(signed.record.peer, signed.record.name, self._context.clock.now_ms())

    def _remembered(self) -> list[Signed[Presence]]:
        return [signed for signed in self._context.store.records.presences() if signed.record.online]

    def _is_due(self, presence: Presence) -> bool:
        if presence.peer == self._context.me or presence.peer in self._mesh.links:
            return False
        contact = self._context.store.peers.get(presence.peer)
        if contact is not None and contact.blocked:
            return False
        now_s = asyncio.get_running_loop().time()
        return (
            now_s - self._last_dial_s.get(f"{presence.peer}{presence.epoch}", -REDIAL_INTERVAL_S) >= REDIAL_INTERVAL_S
        )

    async def _dial(self, presence: Presence) -> None:
        self._last_dial_s[f"{presence.peer}{presence.epoch}"] = asyncio.get_running_loop().time()
        try:
            await self._mesh.dial(presence)
        except (NetworkError, ProtocolError) as error:
            log.info("no link with %s: %s", presence.name, error)

    async def watch_link(self, link: Link) -> None:
        """Measure a link's round trip now and then, until it goes down."""
        while not link.down.is_set():
            with contextlib.suppress(NetworkError, ProtocolError):
                rtt_ms = await measure(link)
                await asyncio.to_thread(self._context.store.peers.set_rtt, link.peer, rtt_ms)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.down.wait(), MEASURE_INTERVAL_S)

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
