"""Peers and a registry, simulated, over the real machines of presence and votes.

A simulated peer does what `peer/meshing.py` and `peer/presence.py` do: it asks the registry, dials, votes, notices its
removal, renews its lease from a thread of its own, by the intervals that those name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from academics_jupyter.peer import meshing
from academics_jupyter.peer.heartbeat import RENEW_INTERVAL_S, RETRY_INTERVAL_S
from academics_jupyter.peer.membership import READ_ALL_INTERVAL_S
from academics_jupyter.protocol.membership import Membership
from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, VOTE_LIFETIME_MS, Presence, Vote
from academics_jupyter.protocol.votes import Decision, Voter
from academics_jupyter.registry.matching import lease_ms
from academics_jupyter.registry.membership import OVERLAP_MS

if TYPE_CHECKING:
    from tests.unit.protocol.simulated_network import SimulatedNetwork

RATIO = 0.5
LINK_LOSS_MS = (0, 10_000, 30_000, 45_000)
"""How long the operating system takes to give up a link whose other end went silent."""


class SimulatedRegistry:
    """The documents of `active_users`, as `registry/membership.py` writes and reads them."""

    def __init__(self) -> None:
        self.presences: dict[str, Presence] = {}
        self.hidden: set[str] = set()
        self._lease_until_ms: dict[str, int] = {}
        self._changed_ms: dict[str, int] = {}
        self._votes: defaultdict[str, dict[str, tuple[Vote, int]]] = defaultdict(dict)

    def publish(self, presence: Presence, now_ms: int) -> None:
        known = self.presences.get(presence.peer)
        if known is None or presence.rank > known.rank:
            self.put(presence, now_ms)

    def put(self, presence: Presence, now_ms: int) -> None:
        """Whatever is there already."""
        peer = presence.peer
        self.presences[peer] = presence
        self._lease_until_ms[peer], self._changed_ms[peer] = now_ms + lease_ms(presence), now_ms
        self._votes[peer] = {voter: each for voter, each in self._votes[peer].items() if each[1] > now_ms}

    def vote(self, vote: Vote, now_ms: int) -> None:
        if vote.target in self.presences:
            self._votes[vote.target][vote.peer] = (vote, now_ms + VOTE_LIFETIME_MS)
            self._changed_ms[vote.target] = now_ms

    def delete(self, peer: str) -> None:
        self.presences.pop(peer, None)
        self._votes.pop(peer, None)

    def read(self, mark_ms: int, now_ms: int) -> tuple[list[Presence], list[Vote], int]:
        since_ms = mark_ms - OVERLAP_MS
        found = [
            each
            for peer, each in self.presences.items()
            if peer not in self.hidden
            and (self._changed_ms[peer] > since_ms if mark_ms else each.online and self._lease_until_ms[peer] > now_ms)
        ]
        votes = [vote for each in found for vote, _ in self._votes[each.peer].values()]
        return found, votes, max([mark_ms, *(self._changed_ms[each.peer] for each in found)])


class SimulatedPeer:
    """One peer: what outlasts its process, and its process while that runs."""

    def __init__(self, world: SimulatedNetwork, name: str, *, clock_ms: int, dials_only: bool) -> None:
        self._world, self.name, self._clock_ms, self.dials_only = world, name, clock_ms, dials_only
        self.running, self.busy, self.life, self.epoch, self._sequence = False, False, 0, 0, 0
        self._store: dict[str, Presence] = {}
        self.links: dict[str, int] = {}
        """The others at whose ends a link seems to be, and the life that they were in."""

    @property
    def now_ms(self) -> int:
        return self._world.now_ms + self._clock_ms

    def start(self) -> None:
        world = self._world
        self.running, self.busy, self.life = True, False, self.life + 1
        self.known, self.voter = Membership(RATIO, 97), Voter()
        self.known.link_up(self.name)
        self.links, self._said_ms = {}, 0
        self._losing: dict[str, tuple[int, int]] = {}
        self._last_dial_ms: dict[tuple[str, int], int] = {}
        self._mark_ms = self._read_all_ms = 0
        self.asked, self._returned_ms = False, -60_000
        self.ranks: dict[str, tuple[int, int]] = {}
        self.register_anew()
        self._refresh_ms = world.now_ms + world.random.randrange(2_000)

    def stop(self, *, farewell: bool) -> None:
        if farewell and self.running:
            self._announce(online=False)
        self.running, self.busy, self.links = False, False, {}

    def register_anew(self) -> None:
        self.epoch = max(self.epoch + 1, self.now_ms)
        presence = self._announce(online=True)
        self.hear([presence])
        self._tell([presence])

    def turn(self) -> None:
        """What is due now."""
        world = self._world
        if world.now_ms >= self._renew_ms:
            self._announce(online=True)
        if self.busy:
            return
        for other in [other for other in self.links if not world.is_up(self, world.peers[other])]:
            # Who is cut off hears nothing; else the other's operating system says that the link is no more.
            wait_ms = world.random.choice(LINK_LOSS_MS) if world.is_cut(self, world.peers[other]) else 0
            if world.now_ms >= self._losing.setdefault(other, (self.links[other], world.now_ms + wait_ms))[1]:
                self._lost(other)
        self._losing = {other: each for other, each in self._losing.items() if self.links.get(other) == each[0]}
        if world.now_ms >= self._refresh_ms:
            self._refresh_ms = world.now_ms + int(meshing.REFRESH_INTERVAL_S * 1000 * world.random.uniform(0.7, 1.3))
            self._refresh()

    def met(self, other: SimulatedPeer) -> None:
        self.links[other.name] = other.life
        self._losing.pop(other.name, None)
        self.known.link_up(other.name)
        self.hear([other.latest])
        self._publish(self.voter.succeeded(other.name))

    def hear(self, records: Iterable[Presence | Vote]) -> None:
        for record in records:
            if isinstance(record, Vote):
                self.known.hear_vote(record, self.now_ms)
            elif self.known.hear(record, self.now_ms):
                self._store[record.peer] = record

    def vote(self, decision: Decision) -> None:
        vote = Vote(
            **self._header(VOTE_LIFETIME_MS),
            target=decision.target,
            target_epoch=decision.epoch,
            failed=decision.failed,
        )
        self._world.note_vote(vote)
        self.hear([vote])
        self._tell([vote])
        if self._world.has_registry(self):
            self._world.registry.vote(vote, self._world.now_ms)

    def _refresh(self) -> None:
        """As MeshingService.serve."""
        world = self._world
        self._ask()
        for presence in self._wanted().values():
            self._dial_if_due(presence)
        if self.asked:
            wanted = {peer: presence.epoch for peer, presence in self._wanted().items()}
            self._publish(self.voter.decide(wanted, self.now_ms))
        self.known.forget(self.now_ms)
        removed = self.known.is_removed(self.name, self.now_ms) and not self.voter.is_cut_off(self._wanted().keys())
        if removed and world.now_ms - self._returned_ms >= meshing.RETURN_INTERVAL_S * 1000:
            self._returned_ms = world.now_ms
            self.register_anew()
        for target in world.accusations[self.name] if world.now_ms - self._said_ms >= 30_000 else ():
            self._said_ms = world.now_ms
            self.vote(Decision(target, world.peers[target].epoch, failed=True))
        world.check_view(self)

    def _ask(self) -> None:
        world = self._world
        self.asked = world.has_registry(self)
        if self.asked:
            if world.now_ms >= self._read_all_ms:
                self._mark_ms, self._read_all_ms = 0, world.now_ms + int(READ_ALL_INTERVAL_S * 1000)
            presences, votes, self._mark_ms = world.registry.read(self._mark_ms, world.now_ms)
            self.hear([*presences, *votes])

    def _wanted(self) -> dict[str, Presence]:
        voted = {peer: each for peer, each in self.known.online(self.now_ms).items() if self._has_voted(each)}
        recalled = {peer: each for peer, each in self._store.items() if each.online}
        here = (self.known.active(self.now_ms) if self.asked else recalled) | voted
        here.pop(self.name, None)
        return here

    def _has_voted(self, presence: Presence) -> bool:
        return self.voter.has_voted(presence.peer, presence.epoch)

    def _dial_if_due(self, presence: Presence) -> None:
        key, now_ms = (presence.peer, presence.epoch), self._world.now_ms
        voted = self._has_voted(presence)
        interval_s = meshing.VOTED_REDIAL_INTERVAL_S if voted else meshing.REDIAL_INTERVAL_S
        if presence.peer in self.links or now_ms - self._last_dial_ms.get(key, 0) < interval_s * 1000:
            return
        self._last_dial_ms[key] = now_ms
        other = self._world.peers[presence.peer]
        if not self._world.accepts(self, other) or presence.certificate != str(other.life):
            self._world.failed_ms[self.name, other.name] = now_ms
            self.voter.failed(*key, self.now_ms)
        elif other.busy:
            self._publish(self.voter.succeeded(other.name))
        else:
            self.met(other)
            other.met(self)

    def _lost(self, other: str) -> None:
        del self.links[other]
        self.known.link_down(other)
        presence = self.known.presence(other)
        if presence is not None and other in self._wanted():
            self._last_dial_ms.pop((other, presence.epoch), None)
            self._dial_if_due(presence)

    def _publish(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            self._world.check_decision(self, decision)
            self.vote(decision)

    def _tell(self, records: list[Presence | Vote]) -> None:
        for name in self.links:
            other = self._world.peers[name]
            if self._world.is_up(self, other) and not other.busy:
                other.hear(each for each in records if each.expires_at_ms > other.now_ms)

    def _announce(self, *, online: bool) -> Presence:
        """Sign a presence and write it to the registry, as the heartbeat does."""
        self.latest = Presence(
            **self._header(PRESENCE_LEASE_MS),
            name=self.name,
            urls=("https://192.0.2.7:4433",),
            certificate=str(self.life),
            online=online,
            busy=self.busy,
        )
        world, told = self._world, self._world.has_registry(self)
        self._renew_ms = world.now_ms + int((RENEW_INTERVAL_S if told else RETRY_INTERVAL_S) * 1000)
        if told:
            world.registry.publish(self.latest, world.now_ms)
        world.presences.append(self.latest)
        if not online:
            self._tell([self.latest])
        return self.latest

    def _header(self, lifetime_ms: int) -> dict[str, Any]:
        self._sequence += 1
        return {
            "peer": self.name,
            "epoch": self.epoch,
            "sequence": self._sequence,
            "issued_at_ms": self.now_ms,
            "expires_at_ms": self.now_ms + lifetime_ms,
        }
