from __future__ import annotations

import pytest
from nacl.signing import SigningKey

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import Message, sign_message
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.read_marks import ReadMark
from academics_jupyter.store.store import Store
from tests.unit.store.conftest import NOW_MS

BOB = SigningKey(b"b" * 32)
BOB_ID = peer_id(BOB)
MOST = (1 << 53) - 1


def receive(store: Store, keys: Keys, sequence: int, series: int = 1, **content: object) -> str:
    fields = {"text": f"bob {series}.{sequence}"} | content
    message = Message(
        id=f"{series * 1000 + sequence:032x}",
        author=BOB_ID,
        recipient=keys.peer,
        series=series,
        sequence=sequence,
        sent_at_ms=1,
        **fields,  # type: ignore[arg-type]
    )
    store.messages.receive(sign_message(BOB, message), message, NOW_MS)
    return message.id


def compose(store: Store, keys: Keys, text: str, state: str = "", **content: object) -> str:
    message = store.messages.compose(keys.signing, BOB_ID, text, NOW_MS, **content)  # type: ignore[arg-type]
    if state:
        store.read_marks.delivered(message.id, BOB_ID)
    return message.id


def states(store: Store) -> list[str]:
    return [message.state for message in store.messages.history(BOB_ID)]


def read(store: Store, *, tell: bool = True) -> None:
    store.read_marks.mark_read(BOB_ID, store.read_marks.newest(BOB_ID), tell=tell)


def marks_waiting(store: Store) -> list[tuple[str, str]]:
    return [(entry.destination, entry.reference) for entry in store.outbox.waiting() if entry.kind == "read"]


def test_reading_is_to_be_told_once(store: Store, keys: Keys, topics: list[frozenset[str]]) -> None:
    receive(store, keys, 1)
    receive(store, keys, 2)
    topics.clear()
    read(store)
    assert topics == [{"messages", "outbox", "queued"}]
    assert store.messages.unread() == {}
    assert store.read_marks.ours(BOB_ID) == ReadMark(1, 2)
    assert marks_waiting(store) == [(BOB_ID, BOB_ID)]
    for entry in store.outbox.waiting():
        store.outbox.done(entry.id)
    topics.clear()
    read(store)
    assert topics == []
    assert marks_waiting(store) == []
    # What is no text is nothing unread, and is read with the rest.
    receive(store, keys, 3, kind="reaction", about=f"{1001:032x}", text="x")
    read(store)
    assert (store.read_marks.ours(BOB_ID), marks_waiting(store)) == (ReadMark(1, 3), [(BOB_ID, BOB_ID)])


def test_what_is_not_to_be_told_is_not_told_later_either(store: Store, keys: Keys) -> None:
    receive(store, keys, 1)
    read(store, tell=False)
    assert (store.messages.unread(), marks_waiting(store)) == ({}, [])
    read(store)
    assert marks_waiting(store) == []


def test_what_comes_while_one_reads_is_not_read(store: Store, keys: Keys) -> None:
    receive(store, keys, 1)
    place = store.read_marks.newest(BOB_ID)
    receive(store, keys, 2)
    store.read_marks.mark_read(BOB_ID, place, tell=True)
    assert store.messages.unread() == {BOB_ID: 1}
    assert store.read_marks.ours(BOB_ID) == ReadMark(1, 1)


def test_their_mark_makes_ours_read(store: Store, keys: Keys, topics: list[frozenset[str]]) -> None:
    sequences = [compose(store, keys, text, "delivered") for text in ("one", "two", "three")]
    series = store.messages.history(BOB_ID)[0].series
    assert store.read_marks.seen(BOB_ID, ReadMark(series, 2))
    assert states(store) == ["read", "read", "delivered"]
    topics.clear()
    assert not store.read_marks.seen(BOB_ID, ReadMark(series, 2))
    assert not store.read_marks.seen(BOB_ID, ReadMark(series, 1))
    assert not store.read_marks.seen(BOB_ID, ReadMark(series - 1, MOST))
    assert topics == []
    assert len(sequences) == 3


def test_what_was_read_before_its_acknowledgement_came_is_read_with_it(store: Store, keys: Keys) -> None:
    message = compose(store, keys, "one")
    series = store.messages.history(BOB_ID)[0].series
    assert store.read_marks.seen(BOB_ID, ReadMark(series, 1))
    assert states(store) == ["queued"]
    store.read_marks.delivered(message, BOB_ID)
    assert states(store) == ["read"]


@pytest.mark.parametrize("mark", [ReadMark(MOST, MOST), ReadMark(0, 0)])
def test_a_mark_beyond_what_was_written_says_nothing_of_what_is_written_later(
    store: Store, keys: Keys, mark: ReadMark
) -> None:
    assert not store.read_marks.seen(BOB_ID, mark)
    compose(store, keys, "one", "delivered")
    assert store.read_marks.seen(BOB_ID, mark) is (mark > ReadMark(1, 1))
    compose(store, keys, "two", "delivered")
    assert states(store)[1] == "delivered"


def test_a_withdrawn_message_is_not_unread(store: Store, keys: Keys) -> None:
    gone = receive(store, keys, 1)
    receive(store, keys, 2)
    receive(store, keys, 3, kind="withdrawal", about=gone, text="")
    store.read_marks.settle_withdrawn(gone)
    store.read_marks.settle_withdrawn("0f" * 16)
    assert store.messages.unread() == {BOB_ID: 1}


def test_mentions_are_counted_as_the_texts_read_now(store: Store, keys: Keys) -> None:
    first = receive(store, keys, 1, mentions=(keys.peer,))
    second = receive(store, keys, 2, mentions=("0c" * 32,))
    receive(store, keys, 3)
    assert store.read_marks.mentions() == {BOB_ID: 1}
    receive(store, keys, 4, kind="edit", about=second, mentions=(keys.peer,))
    assert store.read_marks.mentions() == {BOB_ID: 2}
    receive(store, keys, 5, kind="edit", about=first)
    assert store.read_marks.mentions() == {BOB_ID: 1}
    compose(store, keys, "edited by us", kind="edit", about=second)
    assert store.read_marks.mentions() == {BOB_ID: 1}
    read(store)
    assert store.read_marks.mentions() == {}


def test_what_is_said_in_another_conversation_changes_nothing(store: Store, keys: Keys) -> None:
    text = receive(store, keys, 1)
    message = Message(
        id="0a" * 16, author=BOB_ID, recipient="0d" * 16, series=1, sequence=9, sent_at_ms=1, kind="edit",
        text="edited elsewhere", about=text,
    )  # fmt: skip
    with store.transaction():
        store.messages.insert(message, sign_message(BOB, message), "0d" * 16, NOW_MS, "received", unread=False)
    assert [each.text for each in store.messages.history(BOB_ID)] == ["bob 1.1"]


def test_an_edited_message_is_in_the_state_of_its_edit(store: Store, keys: Keys) -> None:
    message = compose(store, keys, "as it was", "delivered")
    edit = compose(store, keys, "as it is", kind="edit", about=message)
    assert [(each.text, each.state) for each in store.messages.history(BOB_ID)] == [("as it is", "queued")]
    store.read_marks.delivered(edit, BOB_ID)
    assert states(store) == ["delivered"]


def test_everything_comes_in_order_and_signed(store: Store, keys: Keys) -> None:
    message = compose(store, keys, "one")
    compose(store, keys, "two", kind="edit", about=message)
    receive(store, keys, 1)
    damaged = receive(store, keys, 2)
    with store.transaction():
        store.database.execute("UPDATE messages SET sealed = ? WHERE id = ?", (b"x", damaged))
    everything = list(store.messages.everything(BOB_ID))
    assert [each.kind for each, _ in everything] == ["text", "edit", "text", "text"]
    assert [envelope is not None for _, envelope in everything] == [True, True, True, False]
    assert everything[0][0].text == "two"
    assert store.messages.edits_of(message) == [everything[1][0].id]
