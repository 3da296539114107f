"""The world of the simulated peers: time, what can go wrong in it, and what must hold whatever does.

Each method under "What happens" is an event of a schedule. Forged records are left out: signatures are checked below
the machines, so nobody ever hears one. What a holder of the registry's password can do is in: delete, withhold, replay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random

from academics_jupyter.peer import meshing
from academics_jupyter.protocol.records import VOTE_LIFETIME_MS, Presence, Vote
from academics_jupyter.protocol.votes import Decision
from tests.unit.protocol.simulated_peers import RATIO, SimulatedPeer, SimulatedRegistry

BEGAN_MS = 1_700_000_000_000
QUIET_S = 120
EVICTED_S = 180
RECENT_MS = int((meshing.VOTED_REDIAL_INTERVAL_S + 1.3 * meshing.REFRESH_INTERVAL_S) * 1000) + 1_000
"""A vote rests on a dial that failed no longer ago than this."""


class SimulatedNetwork:
    """Peers named by letters; those in `dials_only` cannot be dialled; `clocks_ms` is how far each clock is off."""

    def __init__(self, clocks_ms: Sequence[int], dials_only: Sequence[int] = (), seed: int = 0) -> None:
        self.now_ms, self.random, self.registry = BEGAN_MS, Random(seed), SimulatedRegistry()
        self.peers = {
            name: SimulatedPeer(self, name, clock_ms=clock_ms, dials_only=number in dials_only)
            for number, (name, clock_ms) in enumerate(zip("abcdefgh", clocks_ms, strict=False))
        }
        self.accusations: defaultdict[str, set[str]] = defaultdict(set)
        self.failed_ms: dict[tuple[str, str], int] = {}
        """When a dial by the one last failed to find the other."""
        self.presences: list[Presence] = []
        self.votes: list[Vote] = []
        self._voters: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._side: dict[str, str] = {}
        self._without_registry: set[str] = set()

    # The truth

    def is_cut(self, one: SimulatedPeer, other: SimulatedPeer) -> bool:
        """Whether nothing passes between two peers."""
        return self._side.get(one.name) != self._side.get(other.name)

    def is_up(self, one: SimulatedPeer, other: SimulatedPeer) -> bool:
        """Whether the link that `one` believes in is there."""
        ends = one.links.get(other.name), other.links.get(one.name)
        return other.running and ends == (other.life, one.life) and not self.is_cut(one, other)

    def accepts(self, dialler: SimulatedPeer, other: SimulatedPeer) -> bool:
        """Whether a dial finds something that accepts: a busy peer's port does."""
        return other.running and not other.dials_only and not self.is_cut(dialler, other)

    def has_registry(self, peer: SimulatedPeer) -> bool:
        return peer.name not in self._without_registry

    # What happens

    def begin(self, name: str) -> None:
        if not self.peers[name].running:
            self.peers[name].start()

    def restart(self, name: str) -> None:
        self.kill(name)
        self.begin(name)

    def leave(self, name: str) -> None:
        self.peers[name].stop(farewell=True)

    def kill(self, name: str) -> None:
        self.peers[name].stop(farewell=False)

    def compute(self, name: str) -> None:
        """A cell runs: the loop does not turn, the lease is renewed from its thread."""
        self.peers[name].busy = self.peers[name].running

    def finish(self, name: str) -> None:
        self.peers[name].busy = False

    def part(self, names: Sequence[str]) -> None:
        """Cut these off from all the others, but not from each other."""
        self._side |= dict.fromkeys(names, "".join(names))

    def isolate(self, name: str) -> None:
        self.part([name])

    def lose_registry(self, name: str) -> None:
        self._without_registry.add(name)

    def heal(self) -> None:
        """Every way is open again."""
        self._side.clear()
        self._without_registry.clear()
        self.registry.hidden.clear()

    def accuse(self, voter: str, target: str) -> None:
        """A hostile peer votes on another from now on."""
        if voter != target:
            self.accusations[voter].add(target)

    def replay_presence(self, number: int) -> None:
        """Put an old presence back into the registry, and tell it to everybody."""
        if self.presences:
            old = self.presences[number % len(self.presences)]
            self.registry.put(old, self.now_ms)
            for peer in self._turning():
                known = peer.known.presence(old.peer)
                if known is not None and old.rank <= known.rank:
                    before = peer.known.is_fresh(old.peer, peer.now_ms)
                    assert not peer.known.hear(old, peer.now_ms)
                    assert peer.known.is_fresh(old.peer, peer.now_ms) is before

    def replay_votes(self, target: str) -> None:
        """The same with every vote that was ever cast on a peer."""
        for old in [vote for vote in self.votes if vote.target == target and vote.failed]:
            self.registry.vote(old, self.now_ms)
            for peer in self._turning():
                peer.hear([old])

    def delete(self, name: str) -> None:
        """Take a peer out of the registry, with the votes on it."""
        self.registry.delete(name)

    def hide(self, name: str) -> None:
        """Withhold from all readers of the registry what is written of a peer."""
        self.registry.hidden.add(name)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_ms += 1_000
            for peer in self.peers.values():
                if peer.running:
                    peer.turn()

    # What must hold

    def note_vote(self, vote: Vote) -> None:
        self.votes.append(vote)
        if vote.failed:
            self._voters[vote.target, vote.target_epoch].add(vote.peer)

    def check_decision(self, voter: SimulatedPeer, decision: Decision) -> None:
        """Nobody votes on one who can be reached, busy or not."""
        if decision.failed:
            ago_ms = self.now_ms - self.failed_ms[voter.name, decision.target]
            assert ago_ms <= RECENT_MS, f"{voter.name} votes on {decision.target}, whom it reached {ago_ms} ms ago"

    def check_view(self, peer: SimulatedPeer) -> None:
        """One peer's view, at any time: epochs only rise; each voter counts once; no eviction without cause."""
        now_ms, known = peer.now_ms, peer.known
        online = known.online(now_ms)
        for name, presence in online.items():
            assert presence.rank >= peer.ranks.get(name, (0, 0)), f"{peer.name} goes back to an older {name}"
            peer.ranks[name] = presence.rank
            voters = (self._voters[name, presence.epoch] & online.keys()) - {name}
            assert known.disconnected_count(name, now_ms) <= len(voters), f"votes on {name} count twice"
            if known.is_removed(name, now_ms):
                causes = sum(self._had_cause(voter, name) for voter in voters)
                assert causes > RATIO * len(online), f"{peer.name} holds {name} removed by {causes} of {len(online)}"

    def check_after_quiet(self) -> None:
        """When nothing has happened for two minutes, all that turn and hear of each other see what is there."""
        for peer in self._turning():
            active = peer.known.active(peer.now_ms)
            for other in self.peers.values():
                where = f"{other.name} in the view of {peer.name}"
                if not self._is_registered(other) and not self._is_reached(other):
                    assert other.name not in active or other is peer, f"{where} is gone"
                elif self._is_registered(other) and self.has_registry(peer) and self._is_backed(other):
                    assert other.name in active, f"{where} is there"

    def check_evictions(self) -> None:
        """When nothing has happened for three minutes, the votes have removed whoever keeps a lease and is not reached.

        A minute longer, for votes of those who are gone hold meanwhile, and may be needed: others then begin to dial.
        """
        for peer in self._turning():
            active = peer.known.active(peer.now_ms)
            for other in self._registered():
                if self.has_registry(peer) and other is not peer and self._is_evicted(other, peer):
                    assert other.name not in active, f"{other.name} in the view of {peer.name} is reached by nobody"

    def _turning(self) -> list[SimulatedPeer]:
        return [peer for peer in self.peers.values() if peer.running and not peer.busy]

    def _is_registered(self, peer: SimulatedPeer) -> bool:
        """Whether its presence is renewed and can be read."""
        return peer.running and self.has_registry(peer) and peer.name not in self.registry.hidden

    def _registered(self) -> list[SimulatedPeer]:
        return [peer for peer in self.peers.values() if self._is_registered(peer)]

    def _reaches(self, one: SimulatedPeer, other: SimulatedPeer) -> bool:
        return self.is_up(one, other) or self.accepts(one, other)

    def _is_reached(self, peer: SimulatedPeer) -> bool:
        others = (other for other in self.peers.values() if other.running and other is not peer)
        return any(self._reaches(other, peer) or self._reaches(peer, other) for other in others)

    def _had_cause(self, voter: str, target: str) -> bool:
        failed_ms = self.failed_ms.get((voter, target), 0)
        is_recent = self.now_ms - failed_ms <= RECENT_MS + VOTE_LIFETIME_MS
        return is_recent or target in self.accusations[voter]

    def _is_backed(self, peer: SimulatedPeer) -> bool:
        """Whether too few can have anything against it. A voter who is hidden counts for those linked with it."""
        running = [each for each in self.peers.values() if each.running and each is not peer]
        against = [each for each in running if not self._reaches(each, peer)]
        hostile = [each for each in running if peer.name in self.accusations[each.name] and each not in against]
        return len(against) + len(hostile) <= RATIO * len(self._registered())

    def _is_evicted(self, peer: SimulatedPeer, hearer: SimulatedPeer) -> bool:
        """Whether nobody reaches it, and enough of those online can say so to the hearer."""
        registered = self._registered()
        others = [each for each in registered if each is not peer]
        able = [
            each
            for each in others
            if not each.busy
            and each.now_ms == hearer.now_ms
            and 2 * sum(not self._reaches(each, other) for other in registered if other is not each) < len(registered)
        ]
        running = [each for each in self.peers.values() if each.running]
        return not self._is_reached(peer) and len(able) > RATIO * len(running)
