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
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.courier import Courier
from academics_jupyter.peer.membership import MembershipService
from academics_jupyter.peer.picking import Picking
from academics_jupyter.protocol.records import VOTE_LIFETIME_MS, Presence, Signed, Vote, sign_record
from academics_jupyter.protocol.votes import Decision

FIRST_REFRESH_S = 1.0
"""Who starts when we do may announce itself just after we have asked; the next pauses are twice the last."""
REFRESH_INTERVAL_S = 5.0
IDLE_INTERVAL_S = 10.0
"""The same while nobody comes or goes: most of what a registry does is to be read."""
QUIET_S = 60.0
REDIAL_INTERVAL_S = 10.0
VOTED_REDIAL_INTERVAL_S = 30.0
"""A vote must be renewed while it holds, and taken back soon when it does not."""
RETURN_INTERVAL_S = 60.0
"""How soon a peer that was removed twice registers anew again."""
MOVE_S = 1.0
"""For how long a peer that lost its links without leaving is not dialled: another process of its profile takes over."""
NEWCOMER_S = 8.0
"""How long one that started after us has to dial us before we dial it: both at once would make every link twice."""
DIALS_AT_ONCE = 5
SLOT_S = 5.0
"""More dials at once starve each other until all of them time out; one that waits for an answer makes room."""

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
        in_rooms: Callable[[], frozenset[str]],
    ) -> None:
        self._context, self._mesh, self._membership, self._courier = context, mesh, membership, courier
        self._register_anew = register_anew
        self._picking = Picking(context, mesh, membership, in_rooms)
        self._due_s: dict[tuple[str, int], float] = {}
        self._here: frozenset[str] = frozenset()
        self._came_or_went_s = 0.0
        self._slots = asyncio.Semaphore(DIALS_AT_ONCE)
        self._dials: dict[str, asyncio.Task[None]] = {}
        self._returned_s = -RETURN_INTERVAL_S
        self._asked = False
        self.dialled = asyncio.Event()
        """Set once those who were online when we started have been dialled."""

    async def ask(self) -> None:
        """Ask the registry who is online."""
        self._asked = await self._membership.read_registry()
        await self.show()

    async def serve(self) -> None:
        """Learn for ever who is online, dial whom there is to be a link with, and vote."""
        interval_s = FIRST_REFRESH_S
        while True:
            await self._dial_all()
            self.dialled.set()
            await self._vote()
            await self._notice_twin()
            await self._notice_removal()
            await self._trim()
            # Jitter, so that peers that started together do not read the registry together.
            await self._pause(interval_s * random.uniform(0.7, 1.3))  # noqa: S311
            interval_s = min(2 * interval_s, IDLE_INTERVAL_S if self._is_quiet() else REFRESH_INTERVAL_S)
            await self.ask()

    async def _dial_all(self) -> None:
        """Dial whom there is to be a link with and is none; those who do not answer soon are not waited for."""
        wanted = self._wanted()
        self._due_s = {key: each for key, each in self._due_s.items() if key[0] in wanted}
        # In an order of our own, so that not everybody dials the same one at the same time.
        for presence in random.sample(list(wanted.values()), len(wanted)):
            self._dial_if_due(presence)
        if self._dials:
            await asyncio.wait(self._dials.values(), timeout=REFRESH_INTERVAL_S)

    async def lost(self, link: Link) -> None:
        """A link went down: find out soon whether its peer is still there, or is moving to another process."""
        if link.peer not in self._mesh.links:
            self._membership.known.link_down(link.peer)
        await self.show()
        known = self._membership.known
        if (presence := known.active(self._membership.now_ms).get(link.peer)) is None:
            return
        self._picking.had_no_room(presence)
        key = (presence.peer, presence.epoch)
        self._due_s[key] = asyncio.get_running_loop().time() + MOVE_S
        await asyncio.sleep(MOVE_S)
        self._due_s[key] = 0.0
        if presence.peer in self._wanted():
            self._dial_if_due(known.presence(link.peer) or presence)
        elif presence.peer not in self._mesh.links and not await self._mesh.accepts(presence):
            self._membership.voter.failed(presence.peer, presence.epoch, self._membership.now_ms)
        await self.show()

    async def met(self, link: Link) -> None:
        """A link came up."""
        self._membership.known.link_up(link.peer)
        await self._publish(self._membership.voter.succeeded(link.peer))
        await self.show()
        await self._trim()

    async def show(self) -> None:
        """Have the store say who is online now."""
        await self._membership.show(self._mesh.links)

    def close(self) -> None:
        """Give up the dials that are under way."""
        for task in self._dials.values():
            task.cancel()

    def _wanted(self) -> dict[str, Presence]:
        return self._picking.wanted(asked=self._asked)

    def _dial_if_due(self, presence: Presence) -> None:
        if presence.peer in self._mesh.links or presence.peer in self._dials:
            return
        key, now_s = (presence.peer, presence.epoch), asyncio.get_running_loop().time()
        if now_s < self._due_s.setdefault(key, now_s + self._grace_s(presence)):
            return
        voted = self._membership.voter.has_voted(*key)
        self._due_s[key] = now_s + (VOTED_REDIAL_INTERVAL_S if voted else REDIAL_INTERVAL_S)
        task = asyncio.create_task(self._dial(presence), name=f"academics-try-{presence.name}")
        self._dials[presence.peer] = task
        task.add_done_callback(lambda _done: self._dials.pop(presence.peer, None))

    def _grace_s(self, presence: Presence) -> float:
        """How long a peer that has not been dialled yet is left to dial us."""
        ours = self._membership.known.presence(self._context.me)
        is_newcomer = ours is not None and presence.epoch > ours.epoch
        return NEWCOMER_S if is_newcomer and presence.peer not in self._picking.needed() else 0.0

    async def _dial(self, presence: Presence) -> None:
        """Try a peer, when it is its turn; for as long as SLOT_S it keeps others from theirs."""
        await self._slots.acquire()
        trying = asyncio.create_task(self._try(presence), name=f"academics-slot-{presence.name}")
        try:
            await asyncio.wait([trying], timeout=SLOT_S)
        finally:
            self._slots.release()
        try:
            await trying
        finally:
            trying.cancel()

    async def _try(self, presence: Presence) -> None:
        voter = self._membership.voter
        try:
            await self._mesh.dial(presence)
        except (NetworkError, ProtocolError) as error:
            log.info("no link with %s: %s", presence.name, error)
            if isinstance(error, PeerRefusedError) and error.code == "too_many":
                self._picking.had_no_room(presence)
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
            known, voter, now_ms = self._membership.known, self._membership.voter, self._membership.now_ms
            contested = {peer: epoch for peer, epoch in known.contested(now_ms).items() if peer != self._context.me}
            await self._publish([*voter.decide(wanted, now_ms), *voter.vouch(contested, now_ms)])
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
        """In a large mesh, hang up on those of whom we have enough."""
        for link in self._picking.unneeded():
            await link.close()

    def _is_quiet(self) -> bool:
        """Whether nobody has come or gone for a while."""
        here, now_s = (
            frozenset(self._membership.known.active(self._membership.now_ms)),
            asyncio.get_running_loop().time(),
        )
        if here != self._here:
            self._here, self._came_or_went_s = here, now_s
        return now_s - self._came_or_went_s > QUIET_S

    async def _pause(self, interval_s: float) -> None:
        """Until it is time to ask again, or something waits for somebody with whom there is no link."""
        ends_s = asyncio.get_running_loop().time() + interval_s
        while (left_s := ends_s - asyncio.get_running_loop().time()) > 0:
            self._courier.queued_for_others.clear()
            if self._picking.newly_needed():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._courier.queued_for_others.wait()
