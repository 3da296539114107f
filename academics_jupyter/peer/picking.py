"""Whom to have links with, and whom to hang up on, where there are more peers than links are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.membership import MembershipService
from academics_jupyter.protocol.mesh import most_kept, part, part_size, surplus
from academics_jupyter.protocol.records import Presence

IDLE_S = 120.0
"""How long a link beyond the part of a large mesh that a peer keeps is left when nothing is sent over it."""
ROOM_IDLE_S = 10.0
"""The same where there are more links than there may be, so that somebody who has something to say can get in."""
FULL_S = 600.0
"""How long a peer that had no room for us, or hung up on us, is not picked again."""


class Picking:
    """Rests on what is known of all peers, on the links that are up and on what waits for whom."""

    def __init__(
        self, context: Context, mesh: Mesh, membership: MembershipService, in_rooms: Callable[[], frozenset[str]]
    ) -> None:
        """`in_rooms` gives those with whom we are in rooms, who are to be reached for elections too."""
        self._context, self._mesh, self._membership, self._in_rooms = context, mesh, membership, in_rooms
        self._needed_s: dict[str, float] = {}
        self._full_until_s: dict[tuple[str, int], float] = {}

    def wanted(self, *, asked: bool) -> dict[str, Presence]:
        """Those with whom to have a link: our part of the mesh, and those who are needed.

        While the registry is away (`asked` is false), presences are not renewed: all are tried who were there before.
        """
        membership, now_ms = self._membership, self._membership.now_ms
        here = membership.known.active(now_ms) if asked else membership.recall()
        barred = self._context.store.peers.blocked() | {self._context.me}
        here = {peer: each for peer, each in here.items() if peer not in barred}
        max_links, linked = self._context.settings.max_links, self._mesh.links.keys()
        likely = set(here)
        if len(here) > part_size(max_links):
            likely = {peer for peer, each in here.items() if peer in linked or not self._is_full(each)}
        kept = part(self._context.me, likely, max_links, linked) | self.needed()
        wanted = {peer: here[peer] for peer in kept if peer in here}
        # Those who do not answer, removed by votes or not: we go on trying, so as to vote, or to take the vote back.
        online = membership.known.online(now_ms)
        return wanted | {peer: each for peer, each in online.items() if membership.voter.fails(peer, each.epoch)}

    def needed(self) -> frozenset[str]:
        """Those for whom something waits, or did a short while ago, and those in our rooms."""
        now_s = asyncio.get_running_loop().time()
        self._needed_s |= dict.fromkeys(self._waited_for(), now_s)
        self._needed_s = {peer: at_s for peer, at_s in self._needed_s.items() if now_s - at_s < IDLE_S}
        return frozenset(self._needed_s)

    def newly_needed(self) -> frozenset[str]:
        """Those for whom something waits that did not when `needed` looked last, and with whom there is no link."""
        return self._waited_for() - self._mesh.links.keys() - self._needed_s.keys()

    def had_no_room(self, presence: Presence) -> None:
        """In a large mesh, a peer refused us or hung up on us: another one is picked in its place for a while."""
        now_s = asyncio.get_running_loop().time()
        self._full_until_s = {key: until_s for key, until_s in self._full_until_s.items() if until_s > now_s}
        self._full_until_s[presence.peer, presence.epoch] = now_s + FULL_S

    def unneeded(self) -> list[Link]:
        """The links to hang up on in a large mesh. Where they are as many as there may be, one goes sooner."""
        links, max_links = self._mesh.links, self._context.settings.max_links
        most, needed = most_kept(max_links), self.needed()
        idle_s = ROOM_IDLE_S if len(links) >= max_links else IDLE_S
        spare = [peer for peer, link in links.items() if link.idle_s() > idle_s and peer not in needed]
        return [links[peer] for peer in surplus(self._context.me, spare, len(links) - most)]

    def _waited_for(self) -> frozenset[str]:
        store = self._context.store
        holders = {peer for row in store.downloads.pending() for peer, *_ in row.holders}
        return store.outbox.recipients() | holders | self._in_rooms()

    def _is_full(self, presence: Presence) -> bool:
        until_s = self._full_until_s.get((presence.peer, presence.epoch), 0.0)
        return until_s > asyncio.get_running_loop().time()
