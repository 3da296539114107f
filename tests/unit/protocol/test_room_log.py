"""The room log: who may say what and when, the chain, cutting, and who sees and is told what."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.messages import Kind, Terms, room_id
from academics_jupyter.protocol.room_log import CHAIN_START, KNOWN, Post, RoomLog

FOUNDING = "f0" * 16
ROOM = room_id("ada", FOUNDING)
TERMS = Terms(name="reading", invited=("b" * 64,))


def post(
    author: str, sequence: int, kind: Kind = "text", *, at_ms: int = 0, inviter: str = "", series: int = 1
) -> Post:
    name = f"{author} {series} {sequence} {kind}"
    digest = hashlib.sha256(name.encode()).digest()
    terms = TERMS if kind in ("founding", "terms") else None
    message = FOUNDING if kind == "founding" else digest.hex()[:32]
    return Post(message, author, series, sequence, at_ms, kind, digest, terms, inviter)


FOUNDED = post("ada", 1, "founding")
BOB = post("bob", 1, "join", inviter="ada")
CYD = post("cyd", 1, "join", inviter="bob")


def log_of(*posts: Post) -> RoomLog:
    log = RoomLog(ROOM)
    for each in posts:
        assert log.refusal(each) == "", each
        log.append(each)
    return log


@pytest.mark.parametrize(
    ("before", "next_", "refusal"),
    [
        ((), FOUNDED, ""),
        ((), replace(FOUNDED, author="eve"), "out_of_order"),
        ((), replace(FOUNDED, id="00" * 16), "out_of_order"),
        ((), post("ada", 2, "founding"), "out_of_order"),
        ((), post("ada", 1), "out_of_order"),
        ((FOUNDED,), FOUNDED, KNOWN),
        ((FOUNDED,), post("ada", 2), ""),
        ((FOUNDED,), post("ada", 3), "out_of_order"),
        # A second message under a number is taken for the first.
        ((FOUNDED,), replace(post("ada", 1), digest=b"2" * 32), KNOWN),
        # A new series begins anew.
        ((FOUNDED,), post("ada", 1, series=2), ""),
        ((FOUNDED,), post("ada", 2, series=2), "out_of_order"),
        ((FOUNDED,), replace(post("ada", 2), kind="founding"), "not_entitled"),
        ((FOUNDED,), BOB, ""),
        ((FOUNDED,), CYD, "out_of_order"),
        ((FOUNDED,), post("bob", 1, "join", inviter="eve"), "out_of_order"),
        ((FOUNDED,), post("bob", 1, "join", inviter=""), "out_of_order"),
        ((FOUNDED,), post("bob", 1), "not_member"),
        ((FOUNDED,), post("bob", 2), "out_of_order"),
        ((FOUNDED, BOB), CYD, ""),
        ((FOUNDED, BOB), post("bob", 2), ""),
        ((FOUNDED, BOB), post("bob", 2, "terms"), "not_entitled"),
        ((FOUNDED, BOB), post("bob", 2, "deletion"), "not_entitled"),
        ((FOUNDED, BOB), replace(post("bob", 2), kind="founding"), "not_entitled"),
        ((FOUNDED, BOB), post("ada", 2, "terms"), ""),
        ((FOUNDED, BOB), post("ada", 2, "deletion"), ""),
        ((FOUNDED, BOB), post("bob", 2, "leave"), ""),
        ((FOUNDED, BOB, post("bob", 2, "leave")), post("bob", 3), "not_member"),
        ((FOUNDED, BOB, post("bob", 2, "leave")), post("bob", 3, "leave"), "not_member"),
        ((FOUNDED, BOB, post("bob", 2, "leave")), post("bob", 3, "join", inviter="ada"), ""),
        # Who has left was a member, and their invitations hold.
        ((FOUNDED, BOB, post("bob", 2, "leave")), CYD, ""),
        # A founder who has left deletes nothing.
        ((FOUNDED, BOB, post("ada", 2, "leave")), post("ada", 3, "deletion"), "not_member"),
    ],
)
def test_what_may_come_next(before: tuple[Post, ...], next_: Post, refusal: str) -> None:
    assert log_of(*before).refusal(next_) == refusal


def test_members_follow_from_the_log_alone_and_from_each_of_its_beginnings() -> None:
    posts = [FOUNDED, BOB, CYD, post("bob", 2, "leave"), post("bob", 3, "join", inviter="cyd"), post("ada", 2, "leave")]
    members = ["", "ada", "ada bob", "ada bob cyd", "ada cyd", "ada bob cyd", "bob cyd"]
    log = log_of(*posts)
    for number in reversed(range(len(posts) + 1)):
        assert list(log.cut(number)) == posts[number : number + 1]
        assert " ".join(sorted(log.members)) == members[number]
        assert len(log) == number
        assert log.creator == ("ada" if number else "")


def test_the_chain_is_the_sha_256_of_what_came_before_and_the_digest() -> None:
    log = log_of(FOUNDED, BOB)
    first = hashlib.sha256(CHAIN_START + FOUNDED.digest).digest()
    assert [log.chain(number) for number in range(3)] == [
        bytes(32),
        first,
        hashlib.sha256(first + BOB.digest).digest(),
    ]


def test_who_is_told_of_the_log_and_up_to_where() -> None:
    log = log_of(FOUNDED, BOB, CYD, post("bob", 2, "leave"), post("ada", 2))
    assert {peer: log.end_for(peer) for peer in ("ada", "bob", "cyd", "eve")} == {
        "ada": 5,
        "bob": 4,
        "cyd": 5,
        "eve": 0,
    }


def shown(log: RoomLog, peer: str) -> list[int]:
    return [number for number in range(1, len(log) + 1) if log.shows(peer, number)]


def test_who_joins_sees_talk_from_then_on_and_what_makes_the_room() -> None:
    talk = [post("ada", 2), BOB, post("ada", 3), CYD, post("bob", 2)]
    log = log_of(FOUNDED, *talk)
    assert {peer: shown(log, peer) for peer in ("ada", "bob", "cyd", "eve")} == {
        "ada": [1, 2, 3, 4, 5, 6],
        "bob": [1, 3, 4, 5, 6],
        "cyd": [1, 3, 5, 6],
        "eve": [1, 3, 5],
    }


@pytest.mark.parametrize(("history", "invited"), [(True, ()), (False, ("bob",)), (True, ("bob",))])
def test_all_is_shown_where_the_terms_say_so_or_the_room_was_founded_with_them(
    history: bool, invited: tuple[str, ...]
) -> None:
    founded = replace(FOUNDED, terms=Terms(name="reading", history=history, invited=invited))
    log = log_of(founded, post("ada", 2), BOB)
    assert shown(log, "bob") == [1, 2, 3]


@pytest.mark.parametrize(
    ("history", "invited", "seen"),
    [(False, (), [1, 2, 3, 4, 6, 7]), (False, ("bob",), [1, 2, 3, 4, 6, 7]), (True, (), [1, 2, 3, 4, 5, 6, 7])],
)
def test_what_was_said_while_somebody_was_out_of_the_room_is_for_them_only_where_all_is_for_all(
    history: bool, invited: tuple[str, ...], seen: list[int]
) -> None:
    founded = replace(FOUNDED, terms=Terms(name="reading", history=history, invited=invited))
    back = post("bob", 3, "join", inviter="ada")
    log = log_of(founded, BOB, post("ada", 2), post("bob", 2, "leave"), post("ada", 3), back, post("ada", 4))
    assert shown(log, "bob") == seen


def test_new_terms_open_the_history_and_leave_whom_it_was_founded_with() -> None:
    opened = replace(post("ada", 3, "terms"), terms=Terms(name="writing", history=True, invited=("eve",)))
    log = log_of(FOUNDED, post("ada", 2), BOB, opened)
    assert log.terms == Terms(name="writing", history=True, invited=TERMS.invited)
    assert shown(log, "bob") == [1, 2, 3, 4]
    log.cut(3)
    assert log.terms == TERMS
    assert shown(log, "bob") == [1, 3]


def test_what_was_written_after_a_deletion_has_its_number_and_is_void() -> None:
    deletion = post("ada", 2, "deletion", at_ms=100)
    late = [
        post("bob", 3, at_ms=100),
        post("cyd", 1, "join", at_ms=101, inviter="ada"),
        post("ada", 3, "terms", at_ms=200),
    ]
    log = log_of(FOUNDED, BOB, deletion, post("bob", 2, at_ms=99), *late, post("bob", 4, "leave", at_ms=300))
    assert [number for number in range(1, len(log) + 1) if log.is_void(number)] == [5, 6, 7]
    assert (log.deleted_at_ms, *sorted(log.members)) == (100, "ada")
    assert shown(log, "ada") == [1, 2, 3, 4, 6, 7, 8]
    # Its author, who has left since, still sees it.
    assert 5 in shown(log, "bob")
    log.cut(2)
    assert (log.deleted_at_ms, *sorted(log.members)) == (None, "ada", "bob")


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_two_logs_find_where_they_part_in_a_few_numbers(same: int, one: int, other: int) -> None:
    start = [FOUNDED, *(post("ada", number) for number in range(2, same + 2))]
    ours = log_of(*start, *(post("ada", number, series=2) for number in range(1, one + 1)))
    theirs = log_of(*start, *(post("ada", number, series=3) for number in range(1, other + 1)))
    haves = ours.haves()
    assert haves[0] == (len(ours), ours.chain(len(ours)).hex())
    assert haves[-1] == (0, bytes(32).hex())
    assert len(haves) <= 2 + len(ours).bit_length()
    found = theirs.common(haves)
    assert ours.chain(found) == theirs.chain(found)
    # It goes back by no more than as much again as there is to go back.
    assert len(start) - one <= found <= len(start) or not one


@given(st.lists(st.integers(0, 5), max_size=40), st.data())
def test_a_log_that_is_cut_and_extended_again_is_the_same(authors: list[int], data: st.DataObject) -> None:
    names = ["ada", "bob", "cyd", "dan", "eve", "fay"]
    log, sequence = log_of(FOUNDED), dict.fromkeys(names, 0) | {"ada": 1}
    for author in (names[number] for number in authors):
        sequence[author] += 1
        kind: Kind = "text" if author in log.members else "join"
        log.append(post(author, sequence[author], kind, inviter="ada"))
    chain, members = log.chain(len(log)), log.members
    displaced = log.cut(data.draw(st.integers(0, len(log))))
    for each in displaced:
        assert log.refusal(each) == ""
        log.append(each)
    assert (log.chain(len(log)), log.members) == (chain, members)
    assert all(log.refusal(each) == KNOWN for each in displaced)
