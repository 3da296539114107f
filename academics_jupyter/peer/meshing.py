"""Keeping the mesh: whom to have links with, dialling them, voting on those whom nobody seems to reach."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from academics_jupyter.errors import NetworkError, PeerRefusedError, ProtocolError, RegistryError
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.courier import Courier
from academics_jupyter.peer.membership import MembershipService
from academics_jupyter.protocol.mesh import part, part_size
from academics_jupyter.protocol.records import VOTE_LIFETIME_MS, Presence, Signed, Vote, sign_record
from academics_jupyter.protocol.votes import Decision

REFRESH_INTERVAL_S = 5.0
REDIAL_INTERVAL_S = 10.0
VOTED_REDIAL_INTERVAL_S = 30.0
"""A vote must be renewed while it holds, and taken back soon when it does not."""
RETURN_INTERVAL_S = 60.0
"""How soon a peer that was removed twice registers anew again."""
MOVE_S = 1.0
"""For how long a peer that lost its links without leaving is not dialled: another process of its profile takes over."""
IDLE_S = 120.0
"""How long a link that is not of our part of a large mesh is kept when nothing is sent over it."""

log = logging.getLogger(__name__)


class MeshingService:
    """Runs while the peer is online; `register_anew` announces it under a new epoch."""

    def __init__(
        self,
        context: Context,
        mesh: Mesh,
        membership: MembershipService,
        courier: Courier,
        register_anew: Callable[[], Awaitable[Signed[Presence]]],
    ) -> None:
        self._context, self._mesh, self._membership, self._courier = context, mesh, membership, courier
        self._register_anew = register_anew
        self._last_dial_s: dict[tuple[str, int], float] = {}
        self._needed_s: dict[str, float] = {}
        self._returned_s = -RETURN_INTERVAL_S
        self._dials: set[asyncio.Task[None]] = set()
        self._asked = False
        self.dialled = asyncio.Event()
        """Set once those who were online when we started have been dialled."""

    async def ask(self) -> None:
        """Ask the registry who is online."""
        self._asked = await self._membership.read_registry()
        await self.show()

    async def serve(self) -> None:
        """Learn for ever who is online, dial whom there is to be a link with, and vote."""
        with self._context.changes.watched("outbox") as queued:
            while True:
                await self._dial_all()
                self.dialled.set()
                await self._vote()
                await self._notice_twin()
                await self._notice_removal()
                await self._trim()
                # Jitter, so that peers that started together do not read the registry together.
                await self._pause(queued, REFRESH_INTERVAL_S * random.uniform(0.7, 1.3))  # noqa: S311
                await self.ask()

    async def _dial_all(self) -> None:
        """Dial whom there is to be a link with and is none; those who do not answer soon are not waited for."""
        wanted = self._wanted()
        for presence in wanted.values():
            self._dial_if_due(presence)
        if self._dials:
            await asyncio.wait(self._dials, timeout=REFRESH_INTERVAL_S)
        self._last_dial_s = {key: each for key, each in self._last_dial_s.items() if key[0] in wanted}

    async def lost(self, link: Link) -> None:
        """A link went down: find out soon whether its peer is still there, or is moving to another process."""
        await self.show()
        presence = self._membership.known.presence(link.peer)
        if presence is not None and link.peer in self._wanted():
            key = (presence.peer, presence.epoch)
            self._last_dial_s[key] = asyncio.get_running_loop().time()
            await asyncio.sleep(MOVE_S)
            self._last_dial_s.pop(key, None)
            self._dial_if_due(self._membership.known.presence(link.peer) or presence)
            await self.show()

    async def met(self, link: Link) -> None:
        """A link came up."""
        await self._publish(self._membership.voter.succeeded(link.peer))
        await self.show()

    async def show(self) -> None:
        """Have the store say who is online now."""
        await self._membership.show(self._mesh.links)

    def close(self) -> None:
        """Give up the dials that are under way."""
        for task in self._dials:
            task.cancel()

    def _wanted(self) -> dict[str, Presence]:
        """Those with whom to have a link.

        While the registry is away, presences are not renewed, so all are tried who were there before.
        """
        membership, now_ms = self._membership, self._membership.now_ms
        here = membership.known.active(now_ms) if self._asked else membership.recall()
        here = {peer: each for peer, each in here.items() if peer not in self._barred()}
        kept = part(self._context.me, here.keys(), self._context.settings.max_links) | self._needed()
        wanted = {peer: here[peer] for peer in kept if peer in here}
        # Removed by votes, ours among them: we go on trying, so as to renew the vote or to take it back.
        online = membership.known.online(now_ms)
        return wanted | {peer: each for peer, each in online.items() if membership.voter.has_voted(peer, each.epoch)}

    def _barred(self) -> frozenset[str]:
        return self._context.store.peers.blocked() | {self._context.me}

    def _needed(self) -> frozenset[str]:
        """Those for whom something waits, or did a short while ago."""
        now_s = asyncio.get_running_loop().time()
        self._needed_s |= dict.fromkeys(self._context.store.outbox.recipients(), now_s)
        self._needed_s = {peer: at_s for peer, at_s in self._needed_s.items() if now_s - at_s < IDLE_S}
        return frozenset(self._needed_s)

    def _dial_if_due(self, presence: Presence) -> None:
        if presence.peer in self._mesh.links:
            return
        key, now_s = (presence.peer, presence.epoch), asyncio.get_running_loop().time()
        voted = self._membership.voter.has_voted(*key)
        interval_s = VOTED_REDIAL_INTERVAL_S if voted else REDIAL_INTERVAL_S
        if now_s - self._last_dial_s.get(key, -interval_s) < interval_s:
            return
        self._last_dial_s[key] = now_s
        task = asyncio.create_task(self._dial(presence), name=f"academics-try-{presence.name}")
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

    async def _dial(self, presence: Presence) -> None:
        voter = self._membership.voter
        try:
            await self._mesh.dial(presence)
        except (NetworkError, ProtocolError) as error:
            log.info("no link with %s: %s", presence.name, error)
            answers = isinstance(error, PeerRefusedError) or await self._mesh.accepts(presence)
            if not answers:
                voter.failed(presence.peer, presence.epoch, self._membership.now_ms)
                await self.show()
                return
        await self._publish(voter.succeeded(presence.peer))

    async def _vote(self) -> None:
        """Vote where it is due. Without the registry nobody could be told from somebody whose lease has run out."""
        if self._asked:
            wanted = {peer: presence.epoch for peer, presence in self._wanted().items()}
            await self._publish(self._membership.voter.decide(wanted, self._membership.now_ms))
        self._membership.known.forget(self._membership.now_ms)

    async def _publish(self, decisions: Iterable[Decision]) -> None:
        """Tell of our votes, over the links and in the registry. One that does not get through is stale soon enough."""
        for decision in decisions:
            vote = Vote(
                **self._context.header(VOTE_LIFETIME_MS),
                target=decision.target,
                target_epoch=decision.epoch,
                failed=decision.failed,
            )
            signed = sign_record(self._context.keys.signing, vote)
            await self._membership.hear([signed])
            self._courier.tell([signed])
            try:
                async with self._context.asking() as registry:
                    await registry.publish(signed)
            except RegistryError as error:
                log.info("a vote was not told to the registry: %s", error)

    async def _notice_removal(self) -> None:
        """Removed by votes, and yet alive: register anew, unless it is we who are cut off."""
        now_s = asyncio.get_running_loop().time()
        if not self._membership.known.is_removed(self._context.me, self._membership.now_ms):
            return
        cut_off = self._membership.voter.is_cut_off(self._wanted().keys())
        if not cut_off and now_s - self._returned_s >= RETURN_INTERVAL_S:
            log.info("the others could not reach this peer and removed it; it registers anew")
            self._returned_s = now_s
            await self._membership.hear([await self._register_anew()])

    async def _notice_twin(self) -> None:
        """A copy of the profile came online elsewhere, later than we: know that it counts, and let it know of us."""
        twin = self._membership.known.presence(self._context.me)
        if twin is None or not twin.online or twin.certificate == self._mesh.server.certificate:
            return
        if not self._context.has_twin:
            self._context.note_twin(newer=True)
            with suppress(NetworkError, ProtocolError):
                await self._mesh.dial(twin)

    async def _trim(self) -> None:
        """In a large mesh, hang up on those whom we dialled for something that is done."""
        if len(self._mesh.links) <= part_size(self._context.settings.max_links):
            return
        wanted = self._wanted()
        for link in [each for each in self._mesh.links.values() if each.direction == "out"]:
            if link.peer not in wanted and link.idle_s() > IDLE_S:
                await link.close()

    async def _pause(self, queued: asyncio.Event, interval_s: float) -> None:
        """Until it is time to ask again, or something waits for somebody with whom there is no link."""
        ends_s = asyncio.get_running_loop().time() + interval_s
        while (left_s := ends_s - asyncio.get_running_loop().time()) > 0:
            queued.clear()
            if self._context.store.outbox.recipients() - self._mesh.links.keys() - self._needed_s.keys():
                return
            await either(queued, timeout_s=left_s)
