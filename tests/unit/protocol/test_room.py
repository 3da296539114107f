"""One member's machine: what it does about each thing that it hears, hostile ones included; whole outputs compared."""

from __future__ import annotations

import pytest

from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_copy import RoomCopy
from academics_jupyter.protocol.room_effects import (
    Adopt,
    Cut,
    Fill,
    Keep,
    Promise,
    Reject,
    Tell,
    TellMessages,
)
from academics_jupyter.protocol.room_log import Post, RoomLog
from academics_jupyter.protocol.rooms import (
    Ballot,
    Canvass,
    Cast,
    Claim,
    Entries,
    Given,
    Mark,
    Marks,
    Refused,
    Standing,
    Term,
    Wanted,
    sign_ballot,
)
from tests.simulated_member import key, opened, peer
from tests.unit.protocol.room_machine import (
    CLAIM,
    END,
    FORGED,
    LOG,
    ROOM,
    TERM,
    claim_of,
    entries,
    hears,
    post,
    progress,
    room,
    signed,
    whole,
)


def test_entries_of_the_host_are_kept_and_acknowledged() -> None:
    text = signed("ada", 3)
    said = whole(entries(END, opened(text)), text)
    assert hears(room("bob"), "ada", said, opened(text)) == [
        Keep(END + 1, (opened(text),)),
        Tell(peer("ada"), progress((*LOG, opened(text)))),
    ]


def test_of_what_is_not_for_us_there_is_the_head_until_somebody_gives_it() -> None:
    text = post("ada", 3)
    machine = room("bob")
    assert hears(machine, "ada", entries(END, text), text)[0] == Keep(END + 1, (text,), heads=frozenset({text.id}))
    assert Tell(peer("cyd"), Wanted(messages=(text.id,))) in machine.tick(0)
    assert hears(machine, "eve", Given(messages=()), FORGED, post("ada", 3, variant=1), post("bob", 2)) == []
    assert hears(machine, "cyd", Given(messages=()), text) == [Fill((text.id,))]


@pytest.mark.parametrize("sender", ["cyd", "dan", "eve"])
def test_entries_of_who_is_not_host_change_nothing(sender: str) -> None:
    machine = room("bob")
    assert hears(machine, sender, entries(1, post("ada", 3), last=2), post("ada", 3)) == []
    assert hears(machine, sender, Refused(message=LOG[1].id, code="not_member")) == []
    assert hears(machine, sender, Marks(term=TERM, marks=(Mark(peer("cyd"), 1, 1),))) == []
    assert len(machine.log) == END
    assert not machine.hosting.marks


def test_entries_of_a_former_term_are_answered_with_the_present_one() -> None:
    elected = claim_of("cyd", "bob", "cyd")
    machine = room("bob", claim=elected)
    assert hears(machine, "ada", entries(1, post("ada", 3), last=2), post("ada", 3)) == [Tell(peer("ada"), elected)]


@pytest.mark.parametrize("said", [entries(END + 1, last=END + 1, value="00" * 32), entries(3, value="ff" * 32)])
def test_entries_that_do_not_fit_are_asked_for_again_from_where_our_log_ends(said: Entries) -> None:
    assert hears(room("bob"), "ada", said) == [Tell(peer("ada"), progress(again=True))]


def test_a_forged_message_through_the_host_ends_what_is_taken_and_cuts_nothing() -> None:
    first, third = post("ada", 3), post("ada", 4)
    machine = room("bob", pending=(first,))
    said = entries(END, first, first, third)
    assert hears(machine, "ada", said, first, FORGED, third) == [
        Keep(END + 1, (first,)),
        Tell(peer("ada"), progress((*LOG, first))),
    ]
    machine = room("bob")
    assert hears(machine, "ada", entries(3, first, last=4), FORGED) == [Tell(peer("ada"), progress())]


@pytest.mark.parametrize(
    "impossible", [post("dan", 3), post("bob", 2, "deletion"), post("ada", 9), post("eve", 1, "join", inviter="fay")]
)
def test_a_host_cannot_number_what_the_rules_forbid(impossible: Post) -> None:
    machine = room("bob", pending=(impossible,))
    assert hears(machine, "ada", entries(END, impossible), impossible) == [Tell(peer("ada"), progress())]
    assert len(machine.log) == END


def test_what_is_cut_off_is_handed_in_again_in_its_order_and_before_the_rest() -> None:
    mine = (*LOG, post("bob", 2), post("cyd", 2))
    machine = room("bob", log=mine, pending=(post("bob", 3),))
    text = post("ada", 3)
    ids = tuple(each.id for each in (post("bob", 2), post("cyd", 2), post("bob", 3)))
    assert hears(machine, "ada", entries(END, text), text) == [
        Cut(END),
        Keep(END + 1, (text,), heads=frozenset({text.id})),
        Tell(peer("ada"), progress((*LOG, text))),
        TellMessages(peer("ada"), ids, submit=True),
    ]


def test_a_host_that_refuses_what_our_log_would_take_is_not_believed() -> None:
    good, later = post("bob", 2), post("cyd", 3)
    machine = room("bob", pending=(good, later))
    for each in (good, later, LOG[1]):
        assert hears(machine, "ada", Refused(message=each.id, code="not_member")) == []
    assert list(machine.copy.pending.values()) == [good, later]


def test_a_host_that_refuses_what_our_log_forbids_too_is() -> None:
    bad, next_ = post("bob", 2, "deletion"), post("bob", 3)
    machine = room("bob", pending=(bad, next_, post("cyd", 2)))
    assert hears(machine, "ada", Refused(message=bad.id, code="closed")) == [
        Reject(bad.id, "not_entitled"),
        Reject(next_.id, "not_entitled"),
    ]
    assert list(machine.copy.pending) == [post("cyd", 2).id]


@pytest.mark.parametrize("teller", ["cyd", "dan", "ada", "eve"])
def test_a_claim_by_a_majority_is_followed_whoever_tells(teller: str) -> None:
    elected = claim_of("cyd", "bob", "cyd")
    pending = (post("bob", 2),)
    assert hears(room("bob", pending=pending), teller, elected) == [
        Adopt(elected),
        Tell(peer("cyd"), progress(term=elected.term)),
        TellMessages(peer("cyd"), (pending[0].id,), submit=True),
    ]


@pytest.mark.parametrize(
    "claim",
    [
        claim_of("cyd", "cyd"),
        claim_of("cyd", "cyd", "cyd"),
        claim_of("cyd", "cyd", "eve"),
        claim_of("eve", "bob", "cyd"),
        Claim(term=Term(2, peer("cyd"))),
        Claim(term=Term(2, peer("cyd")), members=(peer("cyd"),)),
        claim_of("eve", "eve", "fay", members=("eve", "fay", "gus")),
    ],
)
def test_a_claim_without_a_majority_or_of_strangers_is_not(claim: Claim) -> None:
    machine = room("bob")
    assert hears(machine, "eve", claim) == []
    assert machine.term == TERM


def test_an_old_claim_is_answered_with_ours() -> None:
    elected = claim_of("cyd", "bob", "cyd")
    machine = room("bob", claim=elected)
    for old in (CLAIM, claim_of("bob", "bob", "cyd", round_=1), claim_of(min(("bob", "cyd"), key=peer), "bob", "cyd")):
        if old.term < elected.term:
            assert hears(machine, "ada", old) == [Tell(peer("ada"), elected)]
            assert machine.claim == elected


def test_of_two_hosts_in_a_round_the_same_is_followed_by_all() -> None:
    low, high = sorted((claim_of("bob", "bob", "cyd"), claim_of("cyd", "bob", "cyd")), key=lambda claim: claim.term)
    for first, second in ((low, high), (high, low)):
        machine = room("ada")
        hears(machine, "bob", first)
        hears(machine, "bob", second)
        assert machine.claim == high


def test_a_deposed_host_hands_in_what_only_it_has() -> None:
    mine = (*LOG, post("ada", 3), post("bob", 2))
    machine = room("ada", log=mine)
    elected = claim_of("cyd", "bob", "cyd")
    assert hears(machine, "cyd", elected) == [Adopt(elected), Tell(peer("cyd"), progress(mine, term=elected.term))]
    assert not machine.hosts
    cut = entries(END, term=elected.term)
    assert hears(machine, "cyd", cut)[0] == Cut(END)
    ids = (post("ada", 3).id, post("bob", 2).id)
    assert TellMessages(peer("cyd"), ids, submit=True) in machine.tick(0)


def test_a_ballot_must_be_its_senders_for_us_in_this_room() -> None:
    machine = room("bob", reaches=("cyd",))
    now_ms, asked = 0, False
    while not asked:
        machine.hear(peer("cyd"), Standing(term=TERM, promised=0, stands=True), (), now_ms)
        asked = Tell(peer("cyd"), Canvass(term=TERM, round=2)) in machine.tick(now_ms)
        now_ms += 500

    def cast(voter: str, host: str, *, where: str = ROOM, signer: str = "") -> Cast:
        ballot = Ballot(room=where, voter=peer(voter), round=2, host=peer(host))
        return Cast(ballot=sign_ballot(key(signer or voter), ballot))

    for sender, said in [
        ("cyd", cast("cyd", "cyd")),
        ("cyd", cast("bob", "bob")),
        ("cyd", cast("cyd", "bob", where="0b" * 16)),
        ("cyd", cast("cyd", "bob", signer="eve")),
        ("eve", cast("cyd", "bob")),
        ("eve", cast("eve", "bob")),
    ]:
        assert hears(machine, sender, said) == []
    elected = hears(machine, "cyd", cast("cyd", "bob"))
    assert isinstance(elected[0], Adopt)
    assert machine.hosts
    assert {ballot.signature for ballot in elected[0].claim.ballots} == {
        claim.signature for claim in claim_of("bob", "bob", "cyd").ballots
    }


def test_a_ballot_is_promised_on_disk_before_it_is_given_and_none_again_after_a_restart() -> None:
    for promised, gives in ((0, True), (2, False), (1 << 52, False)):
        machine = Room(key("bob"), RoomCopy(RoomLog(ROOM, LOG)), CLAIM, promised=promised)
        machine.link_up(peer("cyd"), 10)
        for now_ms in range(0, 20_000, 500):
            machine.tick(now_ms)
        given = machine.hear(peer("cyd"), Canvass(term=TERM, round=2), (), 20_000)
        assert bool(given) is gives
        if gives:
            ballot = Ballot(room=ROOM, voter=peer("bob"), round=2, host=peer("cyd"))
            assert given == [Promise(2), Tell(peer("cyd"), Cast(ballot=sign_ballot(key("bob"), ballot)))]


def test_who_has_left_cannot_claim_the_room_with_a_ballot_of_their_own() -> None:
    usurped = claim_of("dan", "dan", members=("dan",))
    assert hears(room("bob"), "dan", usurped) == []
    assert hears(room("bob"), "eve", usurped) == []
