"""The host's machine: what it does about each thing that it hears, hostile ones included; whole outputs compared."""

from __future__ import annotations

import pytest

from academics_jupyter.protocol.room_effects import (
    Hold,
    Keep,
    Reject,
    Tell,
    TellEntries,
    TellMessages,
)
from academics_jupyter.protocol.room_log import Post
from academics_jupyter.protocol.rooms import (
    Canvass,
    Have,
    Mark,
    Marks,
    Progress,
    Refused,
    Standing,
    Term,
    Wanted,
)
from tests.simulated_member import peer
from tests.unit.protocol.room_machine import (
    CLAIM,
    END,
    FORGED,
    LOG,
    TERM,
    chain,
    entries,
    hears,
    hosting,
    post,
    progress,
    room,
    submit,
)


def test_a_submitted_message_is_held_numbered_and_told_to_who_is_there() -> None:
    text = post("bob", 2)
    assert submit(hosting(), "bob", text) == [
        Hold((text.id,)),
        Keep(END + 1, (text,)),
        TellEntries(peer("bob"), END, END + 1),
        TellEntries(peer("cyd"), END, END + 1),
    ]


def test_a_repetition_and_a_second_message_under_its_number_change_nothing() -> None:
    machine = hosting(reaches=("bob", "dan", "eve"))
    submit(machine, "bob", post("bob", 2))
    for repeated in (post("bob", 2), post("bob", 2, variant=1), LOG[-1], LOG[0]):
        assert submit(machine, "bob", repeated) == [Hold(())]
    assert len(machine.log) == END + 1


def test_after_a_gap_a_message_waits_for_those_before_it() -> None:
    machine = hosting(reaches=("bob", "dan", "eve"))
    assert submit(machine, "bob", post("bob", 4), post("bob", 3)) == [Hold((post("bob", 4).id, post("bob", 3).id))]
    assert submit(machine, "bob", post("bob", 2)) == [
        Hold((post("bob", 2).id,)),
        Keep(END + 1, (post("bob", 2), post("bob", 3), post("bob", 4))),
        TellEntries(peer("bob"), END, END + 3),
    ]


def test_what_does_not_hold_is_passed_over() -> None:
    text = post("bob", 2)
    assert submit(hosting(), "bob", FORGED) == [Hold(())]
    assert submit(hosting(reaches=()), "bob", FORGED, text) == [Hold((text.id,)), Keep(END + 1, (text,))]


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (post("dan", 3), "not_member"),
        (post("dan", 3, "leave"), "not_member"),
        (post("bob", 2, "deletion"), "not_entitled"),
        (post("bob", 2, "terms"), "not_entitled"),
    ],
)
def test_what_its_author_may_not_say_is_refused(refused: Post, code: str) -> None:
    machine = hosting()
    sender = "dan" if code == "not_member" else "bob"
    assert submit(machine, sender, refused) == [
        Hold((refused.id,)),
        Reject(refused.id, code),
        Tell(peer(sender), Refused(message=refused.id, code=code)),
    ]
    assert len(machine.log) == END
    assert not machine.copy.pending


def test_what_was_written_after_a_refused_message_is_refused_with_it() -> None:
    first, second = post("bob", 2, "deletion"), post("bob", 3)
    assert submit(hosting(), "bob", second, first) == [
        Hold((second.id, first.id)),
        Reject(second.id, "not_entitled"),
        Reject(first.id, "not_entitled"),
        Tell(peer("bob"), Refused(message=second.id, code="not_entitled")),
        Tell(peer("bob"), Refused(message=first.id, code="not_entitled")),
    ]


def test_only_a_join_is_taken_from_a_stranger() -> None:
    machine = hosting(reaches=("bob", "dan", "eve"))
    assert submit(machine, "eve", post("bob", 2), post("eve", 1), post("eve", 2)) == [Hold(())]
    assert submit(machine, "eve", post("eve", 1, "join", inviter="fay")) == [Hold(())]
    join = post("eve", 1, "join", inviter="bob")
    assert submit(machine, "eve", join) == [
        Hold((join.id,)),
        Keep(END + 1, (join,)),
        Tell(peer("eve"), CLAIM),
        TellEntries(peer("bob"), END, END + 1),
    ]


def test_a_member_is_told_what_it_lacks_from_where_the_logs_part() -> None:
    mine = (*LOG[:3], post("bob", 2))
    marks = Marks(term=TERM, marks=(Mark(peer("bob"), 3, 0),))
    assert hears(room("ada"), "bob", progress(mine)) == [Tell(peer("bob"), marks), TellEntries(peer("bob"), 3, END)]
    assert hears(room("ada"), "cyd", progress(LOG)) == [
        Tell(peer("cyd"), Marks(term=TERM, marks=(Mark(peer("cyd"), END, 0),)))
    ]
    longer = (*LOG, post("bob", 2))
    # Told that there is nothing after where they part, it cuts off what is there.
    assert hears(room("ada"), "bob", progress(longer))[1:] == [TellEntries(peer("bob"), END, END)]


def test_a_false_progress_harms_its_sender_alone() -> None:
    machine = hosting()
    for haves in [(Have(END, "ff" * 32),), (Have(10**9, "ff" * 32),), (Have(3, chain(2)), Have(0, "00" * 32))]:
        said = Progress(term=TERM, haves=haves, read=10**9)
        assert hears(machine, "bob", said)[-1] == TellEntries(peer("bob"), 0, END)
        assert machine.hosting.marks[peer("bob")] == Mark(peer("bob"), 0, 0)
    assert machine.hosting.marks[peer("cyd")] == Mark(peer("cyd"), END, 0)
    assert hears(machine, "bob", progress(read=10**9)) == []
    assert machine.hosting.marks[peer("bob")] == Mark(peer("bob"), END, END)


def test_who_has_left_is_told_up_to_their_departure_and_nothing_of_others() -> None:
    machine = hosting(reaches=("bob", "dan", "eve"))
    assert hears(machine, "dan", progress(LOG[:4])) == [TellEntries(peer("dan"), 4, 5)]
    submit(machine, "bob", post("bob", 2))
    assert not [each for each in machine.tick(10_000) if getattr(each, "peer", "") == peer("dan")]


def test_a_stranger_is_told_nothing() -> None:
    machine = hosting(reaches=("bob", "dan", "eve"))
    wanted = Wanted(messages=tuple(each.id for each in LOG))
    lower, higher = progress(), progress(term=Term(7, peer("eve")))
    for said in (lower, higher, wanted, Standing(term=TERM, promised=0, stands=True), Canvass(term=TERM, round=2)):
        assert hears(machine, "eve", said) == [], said
    assert machine.link_up(peer("eve"), 10) == []


def test_what_somebody_may_see_is_given_to_them_alone() -> None:
    machine = room("cyd")
    wanted = Wanted(messages=(LOG[0].id, LOG[5].id, "ff" * 16))
    assert hears(machine, "bob", wanted) == [TellMessages(peer("bob"), (LOG[0].id, LOG[5].id), submit=False)]
    assert hears(machine, "dan", wanted) == [TellMessages(peer("dan"), (LOG[0].id,), submit=False)]
    assert hears(machine, "eve", wanted) == []


def test_nobody_tells_the_host_what_its_log_is() -> None:
    machine = hosting(reaches=("bob", "dan", "eve"))
    said = entries(2, post("bob", 2), last=3)
    assert hears(machine, "bob", said, post("bob", 2)) == []
    assert hears(machine, "bob", Refused(message=LOG[2].id, code="not_member")) == []
    assert len(machine.log) == END


def test_after_a_deletion_what_comes_is_void_and_no_host_is_missed_once_all_have_it() -> None:
    deletion = post("ada", 3, "deletion")
    machine = room("ada", log=(*LOG, deletion))
    late = post("bob", 2)
    assert submit(machine, "bob", late) == [
        Hold((late.id,)),
        Keep(END + 2, (late,), void=frozenset({late.id})),
        *(Tell(peer(name), CLAIM) for name in sorted(("bob", "cyd"), key=peer)),
    ]
    assert not machine.is_settled
    for member in ("bob", "cyd"):
        hears(machine, member, progress((*LOG, deletion, late)))
    assert machine.is_settled
