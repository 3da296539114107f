"""Who is online, at the driver: heard from the registry and over the links, written to the store for all kernels."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterable, Mapping

from academics_jupyter.errors import RegistryError
from academics_jupyter.network.link import Link
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.settings import Settings
from academics_jupyter.protocol.membership import Membership
from academics_jupyter.protocol.mesh import part_size
from academics_jupyter.protocol.records import Presence, Record, Signed, Vote
from academics_jupyter.protocol.votes import Voter

READ_ALL_INTERVAL_S = 300.0
"""Deltas tell of what is written; now and then all is read anew, and the clock set."""

log = logging.getLogger(__name__)


def new_membership(settings: Settings) -> Membership:
    """What is known of nobody yet, by the vote rule of these settings."""
    return Membership(settings.disconnect_ratio, part_size(settings.max_links) + 1)


class MembershipService:
    """Feeds the pure machines, from the peer's loop only, and keeps the store's view of who is online."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.known = new_membership(context.settings)
        # We are there whether or not the registry gives our own presence back to us.
        self.known.link_up(context.me)
        self.voter = Voter()
        self._mark_ms = 0
        self._read_all_s = 0.0
        self._shown: dict[str, bool] = {}
        self._showing = asyncio.Lock()

    @property
    def now_ms(self) -> int:
        """The network's time."""
        return self._context.clock.now_ms()

    async def read_registry(self) -> bool:
        """Hear what the registry has heard since last time; whether it answered."""
        try:
            async with self._context.asking() as registry:
                if time.monotonic() >= self._read_all_s:
                    self._context.clock.set_by(await registry.now_ms())
                    members = await registry.members()
                    # Jitter, so that peers that started together do not read all of it together.
                    self._read_all_s = time.monotonic() + READ_ALL_INTERVAL_S * random.uniform(0.7, 1.3)  # noqa: S311
                else:
                    members = await registry.members(self._mark_ms)
        except RegistryError as error:
            log.debug("nothing heard from the registry: %s", error)
            return False
        self._mark_ms = members.mark_ms
        await self.hear([*members.presences, *members.votes])
        return True

    async def hear(self, records: Iterable[Signed[Record]]) -> list[Signed[Record]]:
        """Take presences and votes, in their order; those that were news."""
        news = [signed for signed in records if self._is_news(signed.record)]
        await asyncio.to_thread(self._keep, news)
        return news

    def says_busy(self, peer: str) -> bool:
        """Whether a peer has announced that it computes."""
        presence = self.known.presence(peer)
        return presence is not None and presence.busy

    def recall(self) -> dict[str, Presence]:
        """Who said last that they were online, before the registry went away: some may be there still."""
        presences = self._context.store.records.presences()
        return {signed.record.peer: signed.record for signed in presences if signed.record.online}

    async def show(self, links: Mapping[str, Link]) -> None:
        """Write who is online, as this peer sees it, to the store."""
        async with self._showing:
            seen = self._seen(links)
            if seen != self._shown:
                await asyncio.to_thread(self._context.store.peers.set_online, seen)
                self._shown = seen

    def _seen(self, links: Mapping[str, Link]) -> dict[str, bool]:
        """Each peer that is online, and whether it is busy.

        A link says that a peer is there. Without one, its presence counts unless our own dial says otherwise.
        """
        now_ms = self.now_ms
        active = self.known.active(now_ms)
        seen = {peer: each.busy for peer, each in active.items() if not self.voter.fails(peer, each.epoch)}
        for peer, link in links.items():
            seen[peer] = seen.get(peer, False) or link.silent
        seen.pop(self._context.me, None)
        return seen

    def _is_news(self, record: Record) -> bool:
        if isinstance(record, Presence):
            return self.known.hear(record, self.now_ms)
        return isinstance(record, Vote) and self.known.hear_vote(record, self.now_ms)

    def _keep(self, news: list[Signed[Record]]) -> None:
        """Keep presences that say something new: for when the registry is away, and for the profile's other kernels.

        A mere renewal is not written, for in a large network there is always one.
        """
        store, now_ms = self._context.store, self.now_ms
        with store.transaction():
            for signed in news:
                presence = signed.record
                known = store.records.get(Presence, presence.peer)
                if isinstance(presence, Presence) and (known is None or _said(presence) != _said(known.record)):
                    store.records.put(signed)
                    store.peers.seen(presence.peer, presence.name, now_ms)


def _said(presence: Presence) -> tuple[object, ...]:
    return (presence.epoch, presence.name, presence.urls, presence.certificate, presence.online, presence.busy)
