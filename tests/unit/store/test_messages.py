from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from academics_jupyter.errors import LocalProtocolError, StoreDamagedError, UnknownTargetError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import Message, open_message, room_id, sign_message
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.history import UNREADABLE, ConversationSummary
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.store import Store
from tests.unit.store.conftest import NOW_MS

BOB = SigningKey(b"b" * 32)
BOB_ID = peer_id(BOB)


def receive(store: Store, me: str, sequence: int, series: int = 1, text: str = "", number: int | None = None) -> bool:
    message = Message(
        id=f"{number if number is not None else series * 1000 + sequence:032x}",
        author=BOB_ID,
        recipient=me,
        series=series,
        sequence=sequence,
        sent_at_ms=1,
        text=text or f"bob {series}.{sequence}",
    )
    return store.messages.receive(sign_message(BOB, message), message, NOW_MS)


def test_composing_numbers_signs_keeps_and_queues(store: Store, keys: Keys, topics: list[frozenset[str]]) -> None:
    first = store.messages.compose(keys.signing, BOB_ID, "hello", NOW_MS)
    second = store.messages.compose(keys.signing, BOB_ID, "again", NOW_MS + 1)
    other = store.messages.compose(keys.signing, "0c" * 32, "elsewhere", NOW_MS + 2)
    assert [message.sequence for message in (first, second, other)] == [1, 2, 1]
    assert {message.series for message in (first, second, other)} == {NOW_MS}
    assert (first.state, first.unread, first.conversation, first.author) == ("queued", False, BOB_ID, keys.peer)
    assert store.messages.get(first.id) == first
    assert store.messages.history(BOB_ID) == [first, second]
    sent = open_message(store.messages.envelope(first.id))
    assert (sent.id, sent.text, sent.recipient, sent.sequence) == (first.id, "hello", BOB_ID, 1)
    assert [(entry.kind, entry.reference) for entry in store.outbox.waiting(BOB_ID)] == [
        ("message", first.id),
        ("message", second.id),
    ]
    assert topics == [{"messages", "outbox", "queued"}] * 3


def test_what_nothing_waits_before_is_handed_over_once_it_is_on_disk(
    store: Store, keys: Keys, topics: list[frozenset[str]]
) -> None:
    handed: list[tuple[int, str, str]] = []
    store.messages.composed = lambda entry_id, message, envelope: handed.append(
        (entry_id, message.id, open_message(envelope).text)
    )
    with suppress(ZeroDivisionError), store.transaction():
        store.messages.compose(keys.signing, BOB_ID, "taken back", NOW_MS)
        raise ZeroDivisionError
    first = store.messages.compose(keys.signing, BOB_ID, "hello", NOW_MS)
    store.messages.compose(keys.signing, BOB_ID, "behind it", NOW_MS)
    entries = store.outbox.waiting(BOB_ID)
    assert handed == [(entries[0].id, first.id, "hello")]
    assert topics == [{"messages", "outbox"}, {"messages", "outbox", "queued"}]
    assert store.outbox.next(BOB_ID) == entries[0]
    assert store.outbox.next(BOB_ID, entries[0].id) == entries[1]
    assert store.outbox.next(BOB_ID, entries[1].id) is None


def test_what_a_peer_writes_to_us_takes_no_place_in_a_room(store: Store, keys: Keys) -> None:
    assert receive(store, keys.peer, 1)
    room = room_id(BOB_ID, "0a" * 16)
    first = Message(id="0b" * 16, author=BOB_ID, recipient=room, series=1, sequence=1, sent_at_ms=1, text="to all")
    assert not store.messages.holds(first)
    with store.transaction():
        store.messages.insert(first, sign_message(BOB, first), room, NOW_MS, "received", unread=True)
    assert store.messages.holds(first)


@pytest.mark.parametrize("text", ["", "x" * 32_001])
def test_what_cannot_be_sent_leaves_no_trace(store: Store, keys: Keys, text: str) -> None:
    with pytest.raises(LocalProtocolError):
        store.messages.compose(keys.signing, BOB_ID, text, NOW_MS)
    assert store.outbox.count() == 0
    assert store.messages.compose(keys.signing, BOB_ID, "fits", NOW_MS).sequence == 1


def test_exactly_once(store: Store, keys: Keys, topics: list[frozenset[str]]) -> None:
    assert receive(store, keys.peer, 1)
    assert not receive(store, keys.peer, 1)
    assert not receive(store, keys.peer, 1, number=77)
    assert not receive(store, keys.peer, 9, number=1001)
    assert receive(store, keys.peer, 1, series=2)
    assert [message.text for message in store.messages.history(BOB_ID)] == ["bob 1.1", "bob 2.1"]
    assert topics == [{"messages"}] * 2


def test_the_sides_interleave_and_each_author_is_in_order(store: Store, keys: Keys) -> None:
    store.messages.compose(keys.signing, BOB_ID, "me 1", NOW_MS)
    receive(store, keys.peer, 3)
    store.messages.compose(keys.signing, BOB_ID, "me 2", NOW_MS)
    receive(store, keys.peer, 1)
    receive(store, keys.peer, 1, series=2)
    receive(store, keys.peer, 2)
    texts = [message.text for message in store.messages.history(BOB_ID)]
    assert texts == ["me 1", "bob 1.1", "me 2", "bob 1.2", "bob 1.3", "bob 2.1"]
    assert [message.text for message in store.messages.history(BOB_ID, limit=2)] == texts[-2:]
    assert store.messages.conversations()[0].last_text == "bob 2.1"


@settings(max_examples=30)
@given(st.permutations(range(1, 13)))
def test_any_order_of_arrival_is_put_right(order: list[int]) -> None:
    with TemporaryDirectory() as home:
        keys = Keys.generate()
        store = Store.open(ProfileFolder(Path(home), "default"), keys)
        for sequence in order:
            receive(store, keys.peer, sequence)
            shown = [message.sequence for message in store.messages.history(BOB_ID)]
            assert all(earlier < later for earlier, later in pairwise(shown))
        store.close()


def test_states_only_go_forward(store: Store, keys: Keys) -> None:
    message = store.messages.compose(keys.signing, BOB_ID, "hello", NOW_MS)
    assert store.messages.set_state(message.id, "read")
    assert not store.messages.set_state(message.id, "delivered")
    assert not store.messages.set_state(message.id, "read")
    other = store.messages.compose(keys.signing, BOB_ID, "hello", NOW_MS)
    assert store.messages.set_state(other.id, "delivered")
    receive(store, keys.peer, 1)
    assert not store.messages.set_state(f"{1001:032x}", "delivered")
    assert [one.state for one in store.messages.history(BOB_ID)] == ["read", "delivered", "received"]


def test_unread(store: Store, keys: Keys, topics: list[frozenset[str]]) -> None:
    receive(store, keys.peer, 1)
    receive(store, keys.peer, 2, text="the latest")
    store.messages.compose(keys.signing, "0c" * 32, "elsewhere", NOW_MS + 5)
    assert store.messages.unread() == {BOB_ID: 2}
    assert store.messages.conversations() == [
        ConversationSummary("0c" * 32, NOW_MS + 5, "elsewhere", 0),
        ConversationSummary(BOB_ID, NOW_MS, "the latest", 2),
    ]
    topics.clear()
    store.messages.mark_read(BOB_ID)
    store.messages.mark_read(BOB_ID)
    assert store.messages.unread() == {}
    assert topics == [{"messages"}]


def test_searching_long_histories(store: Store, keys: Keys) -> None:
    with store.transaction():
        for number in range(450):
            text = f"Straße {number}" if number % 50 == 0 else f"other {number}"
            store.messages.compose(keys.signing, BOB_ID, text, NOW_MS)
    assert len(store.messages.history(BOB_ID)) == 450
    found = store.search.find("STRASSE", BOB_ID, limit=3)
    assert [message.text for message in found.messages] == ["Straße 300", "Straße 350", "Straße 400"]
    assert store.search.find("nothing", BOB_ID).messages == []
    assert store.messages.history("0c" * 32) == []


def test_a_damaged_message_does_not_hide_the_others(store: Store, keys: Keys) -> None:
    one = store.messages.compose(keys.signing, BOB_ID, "one", NOW_MS)
    two = store.messages.compose(keys.signing, BOB_ID, "two", NOW_MS)
    with store.transaction():
        store.database.execute(
            "UPDATE messages SET sealed = (SELECT sealed FROM messages WHERE id = ?) WHERE id = ?", (two.id, one.id)
        )
    assert [message.text for message in store.messages.history(BOB_ID)] == [UNREADABLE, "two"]
    with pytest.raises(StoreDamagedError):
        store.messages.envelope(one.id)


def test_unknown_messages(store: Store) -> None:
    assert store.messages.get("00") is None
    with pytest.raises(UnknownTargetError):
        store.messages.envelope("00")


def test_a_part_of_a_long_conversation_is_read_from_its_middle(store: Store, keys: Keys) -> None:
    sent = [store.messages.compose(keys.signing, BOB_ID, f"night {number}", NOW_MS + number) for number in range(20)]
    store.messages.compose(keys.signing, "0c" * 32, "elsewhere", NOW_MS)
    assert store.messages.around(BOB_ID, sent[10].id, 6) == (sent[8:14], True, True)
    assert store.messages.around(BOB_ID, sent[1].id, 6) == (sent[:6], False, True)
    assert store.messages.around(BOB_ID, sent[18].id, 6) == (sent[14:], True, False)
    assert store.messages.around("0c" * 32, sent[1].id, 6) == ([], False, False)
    assert store.messages.around(BOB_ID, "f" * 32, 6) == ([], False, False)
