"""Claims to host: what makes one, what does not, and which are followed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from academics_jupyter.protocol.claims import MOST_MISSED, claim_of, is_believed, is_elected, voters
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.rooms import Ballot, Claim, Term, sign_ballot
from tests.simulated_member import key, peer

ROOM = "0a" * 16
MEMBERS = ("bob", "cyd", "dan", "eve")
TERM = Term(2, peer("bob"))


def ballot(voter: str, host: str = "bob", *, round_: int = 2, room: str = ROOM, signer: str = "") -> Envelope:
    return sign_ballot(key(signer or voter), Ballot(room=room, voter=peer(voter), round=round_, host=peer(host)))


def claim(*ballots: Envelope, term: Term = TERM, members: Iterable[str] = MEMBERS) -> Claim:
    return Claim(term=term, members=tuple(map(peer, members)), ballots=ballots)


def test_a_claim_carries_the_ballots_of_those_who_elected_and_of_nobody_else() -> None:
    given = {peer(name): ballot(name) for name in MEMBERS}
    made = claim_of(TERM, map(peer, reversed(MEMBERS)), given, (peer("bob"), peer("eve"), peer("cyd")))
    assert made == Claim(
        term=TERM, members=tuple(sorted(map(peer, MEMBERS))), ballots=(ballot("bob"), ballot("eve"), ballot("cyd"))
    )
    assert voters(ROOM, made) == {peer("bob"), peer("eve"), peer("cyd")}
    assert is_elected(ROOM, made)


ENOUGH = claim(ballot("bob"), ballot("cyd"), ballot("dan"))
NOT_ELECTED = {
    "too few": claim(ballot("bob"), ballot("cyd")),
    "none": claim(),
    "repeated": claim(ballot("bob"), ballot("cyd"), ballot("cyd"), ballot("cyd")),
    "by strangers": claim(ballot("bob"), ballot("cyd"), ballot("fay"), ballot("gus")),
    "by the former host": claim(ballot("bob"), ballot("cyd"), ballot("ada")),
    "in another round": claim(ballot("bob"), ballot("cyd"), ballot("dan", round_=3)),
    "for another host": claim(ballot("bob"), ballot("cyd"), ballot("dan", "cyd")),
    "of another room": claim(ballot("bob"), ballot("cyd"), ballot("dan", room="0b" * 16)),
    "signed by somebody else": claim(ballot("bob"), ballot("cyd"), ballot("dan", signer="bob")),
    "no ballots at all": claim(ballot("bob"), ballot("cyd"), Envelope(payload="{}", signature="00" * 64)),
    "for who is no member": claim(
        *(ballot(name, "fay") for name in MEMBERS), term=Term(2, peer("fay")), members=MEMBERS
    ),
    "members repeated": claim(ballot("bob"), ballot("cyd"), members=("bob", "cyd", "cyd", "dan", "eve")),
    "another term than the ballots'": claim(*(ballot(name) for name in MEMBERS), term=Term(3, peer("bob"))),
}


def test_a_majority_of_its_members_makes_a_claim() -> None:
    assert is_elected(ROOM, ENOUGH)
    assert not is_elected("0b" * 16, ENOUGH)


@pytest.mark.parametrize("made", NOT_ELECTED.values(), ids=NOT_ELECTED)
def test_what_is_no_majority_makes_none(made: Claim) -> None:
    assert not is_elected(ROOM, made)
    assert not is_believed(ROOM, made, Term(1, peer("ada")), peer("bob"), lambda _peer: True)


@pytest.mark.parametrize(
    ("known", "teller", "believed"),
    [
        (("ada", "cyd"), "fay", True),
        (("ada", "eve"), "eve", True),
        (("ada", "eve"), "fay", False),
        ((), "bob", False),
    ],
)
def test_somebody_who_is_known_stands_behind_a_claim(known: tuple[str, ...], teller: str, believed: bool) -> None:
    ids = set(map(peer, known))
    assert is_believed(ROOM, ENOUGH, Term(1, peer("ada")), peer(teller), ids.__contains__) is believed


def test_the_rounds_cannot_be_used_up_at_once() -> None:
    for round_, believed in ((MOST_MISSED + 1, True), (MOST_MISSED + 2, False)):
        ballots = (ballot(name, round_=round_) for name in MEMBERS)
        made = claim(*ballots, term=Term(round_, peer("bob")))
        assert is_believed(ROOM, made, Term(1, peer("ada")), peer("bob"), lambda _peer: True) is believed
