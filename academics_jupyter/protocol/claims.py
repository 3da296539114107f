"""Claims to host a room: the ballots that make one, and whether they hold. May import election, rooms and records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.election import majority
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.rooms import Claim, Term, open_ballot

MOST_MISSED = 1_000_000
"""As many rounds somebody may have been away for."""


def claim_of(term: Term, electorate: Iterable[str], ballots: Mapping[str, Envelope], voters: Iterable[str]) -> Claim:
    """The claim of who was elected with the ballots of `voters`."""
    return Claim(term=term, members=tuple(sorted(electorate)), ballots=tuple(ballots[voter] for voter in voters))


def voters(room: str, claim: Claim) -> frozenset[str]:
    """Those whose ballots in a claim hold."""
    found = set()
    for envelope in claim.ballots:
        try:
            ballot = open_ballot(envelope)
        except RemoteProtocolError:
            continue
        if (ballot.room, ballot.round, ballot.host) == (room, claim.term.round, claim.term.host):
            found.add(ballot.voter)
    return frozenset(found)


def is_elected(room: str, claim: Claim) -> bool:
    """Whether a majority of a claim's members has elected its host."""
    members = frozenset(claim.members)
    return claim.term.host in members and len(voters(room, claim) & members) >= majority(len(members))


def is_believed(room: str, claim: Claim, term: Term, peer: str, knows: Callable[[str], bool]) -> bool:
    """Whether a claim that `peer` has told is to be followed, where `term` is the highest that is known.

    Those who voted may have joined after where our log ends, so we cannot hold them against it; but somebody whom we
    know must stand behind the claim. Rounds are finite, and nobody is to use them up at once.
    """
    if claim.term.round > term.round + MOST_MISSED or not is_elected(room, claim):
        return False
    return knows(peer) or any(map(knows, voters(room, claim)))
