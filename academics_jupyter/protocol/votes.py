"""Votes: when a peer votes that another is gone, and when the votes suffice. Pure; may import records only.

What a voter does about one target, in one epoch of it (a newer epoch begins anew):

| state   | a dial fails      | a dial succeeds, or a link is there | `decide`                            |
| ------- | ----------------- | ----------------------------------- | ----------------------------------- |
| quiet   | failing           | quiet                               | nothing                             |
| failing | failing, one more | quiet                               | voted: 3 failures over 30 s or more |
| voted   | voted, one more   | quiet; the vote is taken back       | the vote is renewed after 60 s      |

`decide` votes only while the voter reaches half or more of the others that it wants links with: who does not is more
likely cut off itself, and counts its failures anew once that is over. A dial counts as failed only where nothing
accepts the connection and leaves it open: a busy peer's port does.

In a mesh too large for everyone to try everyone, who has a link with a target that others vote on says so, with a vote
that is taken back from the start: silence would count for those who fail (`vouch`).

The tally, over the votes that have not expired, are for the target's present epoch and come from peers that are online:

    gone  <=>  failed / max(ballots, min(online, triers))  >  ratio

`ballots` are the votes that stand and those taken back; `online` counts everyone whose lease is fresh, the target with
them; `triers` is how many are expected to try a target in a mesh too large for everyone to try everyone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from academics_jupyter.protocol.records import VOTE_LIFETIME_MS, Vote

FAILURES_TO_VOTE = 3
FAILING_MS = 30_000
RENEW_MS = VOTE_LIFETIME_MS // 2
CLOCKS_MS = VOTE_LIFETIME_MS
"""How far a voter's clock may be ahead: a vote that were good for longer could be replayed after it was taken back."""
MAX_VOTES = 100_000
"""More are taken for a flood; those known stay until they expire."""


@dataclass(frozen=True, slots=True)
class Decision:
    """To publish: a vote that `target` is gone or, `failed` false, that it is not after all."""

    target: str
    epoch: int
    failed: bool


@dataclass(slots=True)
class _Failures:
    epoch: int
    count: int
    first_ms: int
    voted_ms: int | None = None


class Voter:
    """One peer's own dials, and what follows from them."""

    def __init__(self) -> None:
        self._failing: dict[str, _Failures] = {}
        self._vouched: dict[str, tuple[int, int]] = {}

    def failed(self, target: str, epoch: int, now_ms: int) -> None:
        """A dial of `target` found nothing that accepts."""
        known = self._failing.get(target)
        if known is None or epoch > known.epoch:
            self._failing[target] = _Failures(epoch, 1, now_ms)
        elif epoch == known.epoch:
            known.count += 1

    def succeeded(self, target: str) -> list[Decision]:
        """`target` answers, or there is a link with it."""
        known = self._failing.pop(target, None)
        return [Decision(target, known.epoch, failed=False)] if known is not None and known.voted_ms is not None else []

    def fails(self, target: str, epoch: int) -> bool:
        """Whether the last dial of `target` in that epoch has failed."""
        known = self._failing.get(target)
        return known is not None and known.epoch == epoch

    def has_voted(self, target: str, epoch: int) -> bool:
        """Whether a vote of ours on `target` in that epoch stands."""
        known = self._failing.get(target)
        return known is not None and known.epoch == epoch and known.voted_ms is not None

    def decide(self, wanted: Mapping[str, int], now_ms: int) -> list[Decision]:
        """What to vote now. `wanted` are the peers that we try to have links with, each with its epoch.

        What is known of all others is forgotten: they have left, or come back, and a vote on them expires by itself.
        """
        self._failing = {peer: known for peer, known in self._failing.items() if wanted.get(peer) == known.epoch}
        if not self.is_cut_off(wanted.keys()):
            return list(self._due(now_ms))
        # What failed because of us must not become a vote in the moment in which we reach half of them again.
        for known in self._failing.values():
            if known.voted_ms is None:
                known.count, known.first_ms = 0, now_ms
        return []

    def vouch(self, contested: Mapping[str, int], now_ms: int) -> list[Decision]:
        """What to say for peers that we have links with and others vote on, each with its epoch."""
        due = {
            target: epoch
            for target, epoch in contested.items()
            if (told := self._vouched.get(target)) is None or told[0] != epoch or now_ms - told[1] >= RENEW_MS
        }
        self._vouched = {target: told for target, told in self._vouched.items() if target in contested}
        self._vouched |= {target: (epoch, now_ms) for target, epoch in due.items()}
        return [Decision(target, epoch, failed=False) for target, epoch in due.items()]

    def is_cut_off(self, wanted: Collection[str]) -> bool:
        """Whether fewer than half of those that we try to have links with can be reached."""
        return 2 * sum(peer in self._failing for peer in wanted) > len(wanted)

    def _due(self, now_ms: int) -> Iterator[Decision]:
        for target, known in self._failing.items():
            long_enough = known.count >= FAILURES_TO_VOTE and now_ms - known.first_ms >= FAILING_MS
            if long_enough and (known.voted_ms is None or now_ms - known.voted_ms >= RENEW_MS):
                known.voted_ms = now_ms
                yield Decision(target, known.epoch, failed=True)


class Tally:
    """All votes heard of, by target and voter. The newest of each voter counts, for as long as it is young."""

    def __init__(self, ratio: float, triers: int) -> None:
        self._ratio, self._triers = ratio, triers
        self._votes: dict[str, dict[str, tuple[Vote, int]]] = {}
        self._count = 0

    def hear(self, vote: Vote, now_ms: int) -> bool:
        """Take a vote whose signature held; whether it is news. It counts for VOTE_LIFETIME_MS from now at most."""
        latest_ms = now_ms + VOTE_LIFETIME_MS
        if vote.peer == vote.target or not now_ms < vote.expires_at_ms <= latest_ms + CLOCKS_MS:
            return False
        known = self._votes.get(vote.target, {}).get(vote.peer)
        if vote.rank <= known[0].rank if known is not None else self._count >= MAX_VOTES:
            return False
        self._count += known is None
        self._votes.setdefault(vote.target, {})[vote.peer] = (vote, min(vote.expires_at_ms, latest_ms))
        return True

    def disconnected_count(self, target: str, epoch: int, online: Collection[str], now_ms: int) -> int:
        """How many of those online say, and have not taken back, that `target` in `epoch` is gone."""
        return sum(vote.failed for vote in self._standing(target, epoch, online, now_ms))

    def is_gone(self, target: str, epoch: int, online: Collection[str], now_ms: int) -> bool:
        """Whether the votes suffice. `online` is everyone whose lease is fresh, `target` with them."""
        standing = list(self._standing(target, epoch, online, now_ms))
        tried = max(len(standing), min(len(online), self._triers))
        return tried > 0 and sum(vote.failed for vote in standing) / tried > self._ratio

    def forget(self, now_ms: int) -> None:
        """Let go of what nobody can have us hear again."""
        for target, votes in list(self._votes.items()):
            young = {voter: each for voter, each in votes.items() if each[0].expires_at_ms > now_ms}
            if young:
                self._votes[target] = young
            else:
                del self._votes[target]
        self._count = sum(map(len, self._votes.values()))

    def _standing(self, target: str, epoch: int, online: Collection[str], now_ms: int) -> Iterator[Vote]:
        for voter, (vote, until_ms) in self._votes.get(target, {}).items():
            if voter in online and vote.target_epoch == epoch and until_ms > now_ms:
                yield vote
