"""Who is online, as one peer can prove it to itself. Pure; may import records and votes only.

It is fed with records whose signatures held, whoever brought them: registry, links, its own store. So what anybody else
writes into the registry changes nothing here; the newest (epoch, sequence) of each peer counts. Taking a document out
of the registry hides a peer only from those who have no link with it, until it writes again.

| the newest presence of a peer              | its state                                               |
| ------------------------------------------ | ------------------------------------------------------- |
| says online, and its lease is fresh or there is a link with it | active                              |
| the same, and the votes on its epoch suffice | removed: nobody dials it who has not voted on it      |
| says that it has left                      | left                                                    |
| none heard of within the lease             | lapsed                                                  |

A lease is counted from when a newer presence was heard, by the hearer's own clock, since others' clocks may be wrong.
Of a peer that was not online before, the presence may be an old one: its stamp counts, within half a lease.
"""

from __future__ import annotations

from dataclasses import dataclass

from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, Presence, Vote
from academics_jupyter.protocol.votes import Tally

MAX_MEMBERS = 20_000
"""More are taken for a flood; those known stay for as long as they are online."""


@dataclass(slots=True)
class _Member:
    presence: Presence
    until_ms: int


class Membership:
    """What one peer has heard of all others and, where it has been told, of itself."""

    def __init__(self, ratio: float, triers: int) -> None:
        """`ratio` is the r of the vote rule; `triers`, how many are expected to try any one peer (see `votes`)."""
        self._members: dict[str, _Member] = {}
        self._linked: set[str] = set()
        self._triers = triers
        self._tally = Tally(ratio, triers)

    def link_up(self, peer: str) -> None:
        """There is a link with a peer, or the peer is ourselves: that counts as a fresh lease."""
        self._linked.add(peer)

    def link_down(self, peer: str) -> None:
        """There is none any more."""
        self._linked.discard(peer)

    def hear(self, presence: Presence, now_ms: int) -> bool:
        """Take a presence; whether it is newer than what was known."""
        known = self._members.get(presence.peer)
        if known is not None and presence.rank <= known.presence.rank:
            return False
        if known is None and len(self._members) >= MAX_MEMBERS:
            return False
        heard_ms = now_ms
        if not self.is_fresh(presence.peer, now_ms):
            heard_ms = min(now_ms, max(presence.issued_at_ms, now_ms - PRESENCE_LEASE_MS // 2))
        asked_ms = min(max(presence.expires_at_ms - presence.issued_at_ms, 0), PRESENCE_LEASE_MS)
        self._members[presence.peer] = _Member(presence, heard_ms + asked_ms if presence.online else 0)
        return True

    def hear_vote(self, vote: Vote, now_ms: int) -> bool:
        """Take a vote by one who is known on another who is; whether it is news.

        It counts while the voter is online.
        """
        members = self._members
        return vote.target in members and vote.peer in members and self._tally.hear(vote, now_ms)

    def presence(self, peer: str) -> Presence | None:
        """The newest that was heard of a peer."""
        known = self._members.get(peer)
        return known.presence if known is not None else None

    def is_fresh(self, peer: str, now_ms: int) -> bool:
        """Whether a peer says that it is online, and its lease has not run out or there is a link with it."""
        known = self._members.get(peer)
        return known is not None and self._is_fresh(peer, known, now_ms)

    def online(self, now_ms: int) -> dict[str, Presence]:
        """Everybody who is fresh, those removed by votes with them."""
        return {peer: each.presence for peer, each in self._members.items() if self._is_fresh(peer, each, now_ms)}

    def active(self, now_ms: int) -> dict[str, Presence]:
        """The active users: those online whom the votes have not removed."""
        online = self.online(now_ms)
        return {
            peer: presence
            for peer, presence in online.items()
            if not self._tally.is_gone(peer, presence.epoch, online.keys(), now_ms)
        }

    def is_removed(self, peer: str, now_ms: int) -> bool:
        """Whether the votes have removed a peer from the active users, in the epoch that it is in."""
        known = self._members.get(peer)
        if known is None or not self._is_fresh(peer, known, now_ms):
            return False
        online = self.online(now_ms)
        return self._tally.is_gone(peer, known.presence.epoch, online.keys(), now_ms)

    def disconnected_count(self, peer: str, now_ms: int) -> int:
        """How many of those online cannot reach a peer."""
        known = self._members.get(peer)
        online = self.online(now_ms)
        return self._tally.disconnected_count(peer, known.presence.epoch, online.keys(), now_ms) if known else 0

    def contested(self, now_ms: int) -> dict[str, int]:
        """Those linked with us on whom others vote, each with its epoch, in a mesh too large for all to try all."""
        online = self.online(now_ms)
        if len(online) <= self._triers:
            return {}
        linked = {peer: online[peer].epoch for peer in self._linked if peer in online}
        return {
            peer: epoch
            for peer, epoch in linked.items()
            if self._tally.disconnected_count(peer, epoch, online.keys(), now_ms)
        }

    def forget(self, now_ms: int) -> None:
        """Let go of votes that have expired.

        Presences stay, lest an old one come back as a new one; but not in a flood, where they would keep others out.
        """
        self._tally.forget(now_ms)
        if len(self._members) >= MAX_MEMBERS:
            self._members = {peer: each for peer, each in self._members.items() if self._is_fresh(peer, each, now_ms)}

    def _is_fresh(self, peer: str, member: _Member, now_ms: int) -> bool:
        return member.until_ms > now_ms or (peer in self._linked and member.presence.online)
