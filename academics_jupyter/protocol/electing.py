"""One member's elections, signed: what `election` decides, as effects. May import its neighbours only."""

from __future__ import annotations

from collections.abc import Iterable

from nacl.signing import SigningKey

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.claims import claim_of
from academics_jupyter.protocol.election import Canvassing, Election, Give, Outcome, Say, View
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room_effects import Effect, Promise, Tell
from academics_jupyter.protocol.rooms import Ballot, Canvass, Cast, Claim, Standing, Term, open_ballot, sign_ballot


class Electing:
    """A member with `key` in a room. What it returns beside effects is our claim, where we have been elected."""

    def __init__(self, key: SigningKey, room: str, promised: int) -> None:
        self._key, self._room, self._me = key, room, peer_id(key)
        self._election = Election(room, self._me, promised)
        self._ballots: dict[str, Envelope] = {}

    @property
    def is_open(self) -> bool:
        """Whether the host is taken to be gone."""
        return self._election.is_open

    def settle(self) -> None:
        """There is a host."""
        self._election.settle()
        self._ballots.clear()

    def is_called_for(self, now_ms: int) -> bool:
        """Whether another member says that it does not reach the host."""
        return self._election.is_called_for(now_ms)

    def look(self, view: View, now_ms: int) -> tuple[list[Effect], Claim | None]:
        """What is to be done now."""
        return self._carried_out(self._election.look(view, now_ms), view)

    def heard(
        self, peer: str, said: Standing | Canvass | Cast, view: View, now_ms: int
    ) -> tuple[list[Effect], Claim | None]:
        """What a member has said about it."""
        match said:
            case Standing():
                self._election.heard(peer, said, now_ms)
                return [], None
            case Canvass():
                return self._carried_out(self._election.canvassed(peer, said, view, now_ms), view)
        return self._balloted(peer, said, view)

    def _balloted(self, peer: str, said: Cast, view: View) -> tuple[list[Effect], Claim | None]:
        try:
            ballot = open_ballot(said.ballot)
        except RemoteProtocolError:
            return [], None
        if (ballot.voter, ballot.host, ballot.room) != (peer, self._me, self._room):
            return [], None
        self._ballots[peer] = said.ballot
        return self._carried_out(self._election.given(peer, ballot.round, view), view)

    def _carried_out(self, outcomes: Iterable[Outcome], view: View) -> tuple[list[Effect], Claim | None]:
        effects: list[Effect] = []
        for outcome in outcomes:
            match outcome:
                case Say(said):
                    effects += [Tell(peer, said) for peer in sorted(view.reached)]
                case Canvassing(said):
                    effects += [Promise(said.round), *(Tell(peer, said) for peer in sorted(view.reached))]
                case Give(candidate, round_):
                    effects += [Promise(round_), Tell(candidate, Cast(ballot=self._ballot(candidate, round_)))]
                case _:
                    ballots = self._ballots | {self._me: self._ballot(self._me, outcome.round)}
                    term = Term(outcome.round, self._me)
                    return effects, claim_of(term, view.electorate, ballots, outcome.voters)
        return effects, None

    def _ballot(self, candidate: str, round_: int) -> Envelope:
        return sign_ballot(self._key, Ballot(room=self._room, voter=self._me, round=round_, host=candidate))
