"""One member's part in a room, in every role. May import only its neighbours in protocol.

Every rule follows from what a member has (`room_copy`): pending messages go to the host until they are in its log, and
what the log of a new host does not have is pending again. So nothing is lost that one living member holds, and what is
in the log is there once.

| heard      | where                         | does                                                              |
| ---------- | ----------------------------- | ----------------------------------------------------------------- |
| `claim`    | of a higher term, believed    | it is adopted; `progress` and what is pending go to the new host  |
|            | of our term, from its host    | `progress` and what is pending go to it                           |
|            | of a lower term               | our claim goes back, as it does for all that is of a lower term   |
| `progress` | we host                       | `entries` from where the logs part                                |
| `entries`  | from our host                 | the log becomes what the host's is; `progress`                    |
| `submit`   | we host                       | what can come next is numbered and told; what never can, `refused` |
| `refused`  | from our host                 | the message is rejected, if our log says so too                   |
| `wanted`   | from whom we know             | `given`, of what the asker may see                                |
| `standing`, `canvass`, `ballot` | a member | see `election`                                                    |

Invariants
- Only the host of the highest term that a member knows changes that member's log.
- A term's host is who a majority of the electorate gave ballots to, in a round that none of them gives a second one in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import islice

from nacl.signing import SigningKey

from academics_jupyter.protocol.claims import is_believed
from academics_jupyter.protocol.electing import Electing
from academics_jupyter.protocol.election import View
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.room_copy import RoomCopy, sound
from academics_jupyter.protocol.room_effects import Adopt, Cut, Effect, Hold, Reject, Tell, TellMessages
from academics_jupyter.protocol.room_hosting import Hosting
from academics_jupyter.protocol.room_log import Post, RoomLog
from academics_jupyter.protocol.rooms import (
    MAX_SUBMITTED,
    MAX_WANTED,
    Canvass,
    Cast,
    Claim,
    Entries,
    Given,
    Have,
    Marks,
    Progress,
    Refused,
    Said,
    Standing,
    Submit,
    Term,
    Wanted,
)

ASK_AGAIN_MS = 5_000
"""What is pending is submitted again, and what is lacking asked for again, after this long."""

MARKS_MS = 1_000
"""How often the members are told how far each of them is."""


class Room:
    """The machine of one room, for the member with `key`."""

    def __init__(
        self,
        key: SigningKey,
        copy: RoomCopy,
        claim: Claim,
        *,
        promised: int = 0,
        read: int = 0,
        stands: bool = True,
    ) -> None:
        """As it is on disk; `stands` is false for who is leaving."""
        self.me = peer_id(key)
        self.copy, self.claim, self.read, self.stands = copy, claim, read, stands
        self.hosting = Hosting()
        self._electing = Electing(key, copy.log.room, promised)
        self._reached: dict[str, int] = {}
        self._asked_ms: int | None = None
        self._marked_ms = -MARKS_MS

    @property
    def log(self) -> RoomLog:
        """Our copy of the log."""
        return self.copy.log

    @property
    def term(self) -> Term:
        """The highest that is known."""
        return self.claim.term

    @property
    def hosts(self) -> bool:
        """Whether we do."""
        return self.term.host == self.me

    @property
    def awaits_host(self) -> bool:
        """Whether the host is taken to be gone."""
        return self._electing.is_open

    @property
    def is_settled(self) -> bool:
        """Whether it was deleted and all of it is with everybody, so that it needs no host any more."""
        marks, length = self.hosting.marks, len(self.log)
        everywhere = all(peer in marks and marks[peer].number >= length for peer in self.log.members)
        return self.log.deleted_at_ms is not None and not self.copy.pending and everywhere

    # What happens here

    def wrote(self, post: Post) -> list[Effect]:
        """A message of ours is in the store."""
        self.copy.hold(post)
        return self._number() if self.hosts else self._submit([post])

    def was_read(self, number: int) -> list[Effect]:
        """The person has seen the log up to a number."""
        if number <= self.read:
            return []
        self.read = number
        if self.hosts:
            self.hosting.mark(self.me, len(self.log), number)
            return []
        return self._progress()

    def link_up(self, peer: str, rtt_ms: int) -> list[Effect]:
        """There is a link with somebody."""
        self._reached[peer] = rtt_ms
        self.hosting.forget(peer)
        return self._correct(peer)

    def link_down(self, peer: str) -> None:
        """There is none any more, or it leads nowhere."""
        self._reached.pop(peer, None)
        self.hosting.forget(peer)

    def measured(self, peer: str, rtt_ms: int) -> None:
        """The round trip over a link, in whole ms."""
        if peer in self._reached:
            self._reached[peer] = rtt_ms

    def tick(self, now_ms: int) -> list[Effect]:
        """To be called about twice a second; `now_ms` is of any clock that does not go back."""
        effects = self._number()
        if self.hosts and now_ms >= self._marked_ms + MARKS_MS:
            self._marked_ms = now_ms
            effects += self.hosting.tell_marks(self.log, self.term)
        # Somebody may have written to a deleted room before they knew, when its host has gone.
        needs_host = not self.is_settled or self._electing.is_called_for(now_ms)
        if self.me in self.log.members and not self.hosts and needs_host:
            effects += self._elected(self._electing.look(self._view(), now_ms))
        if self._asked_ms is None or now_ms >= self._asked_ms + ASK_AGAIN_MS:
            self._asked_ms = now_ms
            effects += self._ask_again()
        return effects

    # What is heard

    def hear(self, peer: str, said: Said, posts: Sequence[Post | None], now_ms: int) -> list[Effect]:
        """What a peer has said; `posts` are the messages in it, in order, None for what does not hold."""
        term = getattr(said, "term", self.term)
        if term < self.term:
            # Whom we do not know may be in by a log that ours has parted from; a claim alone says nothing of that.
            return self._correct(peer) if isinstance(said, Claim) else [Tell(peer, self.claim)]
        if isinstance(said, Claim):
            return self._claimed(peer, said)
        if term > self.term:
            # Who says so also says why, in a claim of its own.
            return self._correct(peer)
        if peer == self.term.host:
            return self._heard_from_host(peer, said, posts) or self._heard(peer, said, posts, now_ms)
        return self._heard(peer, said, posts, now_ms)

    def _heard_from_host(self, host: str, said: Said, posts: Sequence[Post | None]) -> list[Effect]:
        match said:
            case Entries() if not self.hosts:
                return self._entered(host, said, posts)
            case Refused():
                return self.copy.reject(said.message)
            case Marks():
                self.hosting.told(mark for mark in said.marks if self._knows(mark.member))
        return []

    def _heard(self, peer: str, said: Said, posts: Sequence[Post | None], now_ms: int) -> list[Effect]:
        is_known = self.log.joined_at(peer) is not None
        match said:
            case Submit():
                return self._submitted(peer, posts)
            case Progress() if self.hosts:
                return self.hosting.progressed(self.log, peer, said) if is_known else self._parted(peer, said)
            case Wanted() if is_known:
                found = self.copy.shown_to(peer, frozenset(said.messages))
                return [TellMessages(peer, found, submit=False)] if found else []
            case Given():
                return self.copy.fill(self.me, [post for post in posts if post is not None])
            case Standing() | Canvass() | Cast() if not self.hosts and self.me in self.log.members:
                return self._elected(self._electing.heard(peer, said, self._view(), now_ms))
        return []

    def _claimed(self, peer: str, claim: Claim) -> list[Effect]:
        if claim.term == self.term:
            return self._greet_host() if peer == self.term.host else []
        if not is_believed(self.log.room, claim, self.term, peer, self._trusts):
            return []
        return [Adopt(claim), *self._enter(claim), *self._greet_host()]

    def _takes_part(self, peer: str) -> bool:
        """Whether somebody has not left; nobody has, of a log that has not begun."""
        return not len(self.log) or peer in self.log.members

    def _trusts(self, peer: str) -> bool:
        """Whether somebody's word for a claim counts: not, once they have left."""
        return peer in self.log.members if len(self.log) else self._knows(peer)

    def _knows(self, peer: str) -> bool:
        """Whether somebody is or was a member; for who is not in yet, the inviter is, and the host that was named."""
        if len(self.log):
            return self.log.joined_at(peer) is not None
        return peer == self.term.host or any(peer == post.inviter for post in self.copy.pending.values())

    def _entered(self, peer: str, said: Entries, posts: Sequence[Post | None]) -> list[Effect]:
        after = said.after.number
        if after > len(self.log) or self.log.chain(after).hex() != said.after.chain:
            return [Tell(peer, self._own_progress(again=True))]
        told, heads = sound(posts, said.entries)
        last = said.last if len(told) == len(posts) else said.last + 1
        effects = self.copy.take(after, told, heads, last)
        displaced = any(isinstance(each, Cut) for each in effects)
        return [*effects, *self._progress(), *(self._submit(self.copy.pending.values()) if displaced else [])]

    def _parted(self, peer: str, said: Progress) -> list[Effect]:
        """Have somebody who is in by their log and not by ours cut theirs off where the two part, and join again."""
        common = self.log.common((have.number, have.chain) for have in said.haves)
        after = Have(common, self.log.chain(common).hex())
        parts = said.haves[0].number > common
        return [Tell(peer, Entries(term=self.term, after=after, entries=(), last=common))] if parts else []

    def _submitted(self, peer: str, posts: Iterable[Post | None]) -> list[Effect]:
        joins = [post for post in posts if post is not None and post.kind == "join" and post.author == peer]
        if not (self.hosts and self._takes_part(self.me)):
            is_invited = any(self._knows(post.inviter) for post in joins)
            return [Tell(peer, self.claim)] if is_invited else self._correct(peer)
        if not self._knows(peer):
            # Who was never in is let in, or nothing of theirs is kept: anybody can sign things.
            posts = [post for post in joins if self.log.refusal(post) != "out_of_order"]
        held = tuple(post.id for post in posts if post is not None and self.copy.hold(post))
        effects = [Hold(held), *self._number()]
        rejected = (each for each in effects if isinstance(each, Reject) and each.message in held)
        return [*effects, *(Tell(peer, Refused(message=each.message, code=each.code)) for each in rejected)]

    # How

    def _view(self) -> View:
        host, members = self.term.host, self.log.members
        electorate = members - {host}
        reached = {peer: rtt_ms for peer, rtt_ms in self._reached.items() if peer in electorate}
        # A host that has left tells what it has, and is told nothing more.
        return View(self.term, electorate, reached, host in self._reached and host in members, self.stands)

    def _correct(self, peer: str) -> list[Effect]:
        """Tell who hosts, if it is any of the peer's business."""
        return [Tell(peer, self.claim)] if peer == self.term.host or self._knows(peer) else []

    def _elected(self, done: tuple[list[Effect], Claim | None]) -> list[Effect]:
        effects, claim = done
        if claim is None:
            return effects
        tells = [Tell(peer, claim) for peer in sorted(self._reached) if self.log.joined_at(peer) is not None]
        return [*effects, Adopt(claim), *self._enter(claim), *self._number(), *tells]

    def _enter(self, claim: Claim) -> list[Effect]:
        self.claim = claim
        self._electing.settle()
        self.hosting.begin()
        return []

    def _number(self) -> list[Effect]:
        """As host: number what is pending, and tell of it."""
        effects = self.copy.number_pending() if self.hosts and self._takes_part(self.me) else []
        if not effects:
            return []
        self.hosting.mark(self.me, len(self.log), self.read)
        # Who has just joined was told nothing so far.
        tells = [Tell(peer, self.claim) for peer in sorted(self._reached) if peer in self.log.members]
        greeted = [each for each in tells if each.peer not in self.hosting.marks]
        return [*effects, *greeted, *self.hosting.tell_all(self.log)]

    def _greet_host(self) -> list[Effect]:
        return [*self._progress(), *self._submit(self.copy.pending.values())]

    def _progress(self) -> list[Effect]:
        reached = not self.hosts and self.term.host in self._reached
        return [Tell(self.term.host, self._own_progress())] if reached else []

    def _own_progress(self, *, again: bool = False) -> Progress:
        haves = tuple(Have(number, chain) for number, chain in self.log.haves())
        return Progress(term=self.term, haves=haves, read=self.read, again=again)

    def _submit(self, posts: Collection[Post]) -> list[Effect]:
        """To the host; who is not in yet asks whoever invited them, too, who knows if there is a later one."""
        peers = {self.term.host} if len(self.log) else {self.term.host, *(post.inviter for post in posts)}
        ids = [post.id for post in posts]
        lots = [tuple(ids[start : start + MAX_SUBMITTED]) for start in range(0, len(ids), MAX_SUBMITTED)]
        reached = () if self.hosts else sorted(peer for peer in peers & self._reached.keys() if self._takes_part(peer))
        return [TellMessages(peer, lot, submit=True) for peer in reached for lot in lots]

    def _ask_again(self) -> list[Effect]:
        effects = self._submit(self.copy.pending.values())
        lacking = tuple(self.log[number].id for number in islice(self.copy.lacking(self.me), MAX_WANTED))
        if lacking:
            others = sorted(peer for peer in self._reached if peer in self.log.members)
            effects += [Tell(peer, Wanted(messages=lacking)) for peer in others]
        return effects
