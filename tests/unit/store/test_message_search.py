"""The search of a real store: what people wrote, edited and withdrew, in this process and another."""

from __future__ import annotations

from nacl.signing import SigningKey

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import Message, sign_message
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.searching import SAVE_AFTER
from academics_jupyter.store.store import Store
from tests.unit.store.conftest import NOW_MS
from tests.waiting import wait_until

BOB = SigningKey(b"b" * 32)
BOB_ID = peer_id(BOB)
CAROL_ID = "0c" * 32
ROOM = "0d" * 16


def texts(store: Store, words: str, conversation: str | None = None, limit: int | None = None) -> list[str]:
    return [message.text for message in store.search.find(words, conversation, limit).messages]


def write(store: Store, keys: Keys, text: str, to: str = BOB_ID) -> str:
    return store.messages.compose(keys.signing, to, text, NOW_MS).id


def receive(store: Store, keys: Keys, sequence: int, text: str, **fields: str) -> None:
    message = Message(
        id=f"{sequence:032x}", author=BOB_ID, recipient=keys.peer, series=1, sequence=sequence, sent_at_ms=1, text=text,
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip
    assert store.messages.receive(sign_message(BOB, message), message, NOW_MS)


def test_both_sides_of_one_conversation_or_all(store: Store, keys: Keys) -> None:
    write(store, keys, "the draft is ready")
    receive(store, keys, 1, "which Draft?")
    write(store, keys, "a draft for Carol", CAROL_ID)
    write(store, keys, "something else")
    assert texts(store, "draft") == ["the draft is ready", "which Draft?", "a draft for Carol"]
    assert texts(store, "draft", BOB_ID) == ["the draft is ready", "which Draft?"]
    assert texts(store, "draft", limit=1) == ["a draft for Carol"]
    assert texts(store, "draft", ROOM) == texts(store, "?") == []


def test_a_message_is_found_by_what_it_says_now(store: Store, keys: Keys) -> None:
    mine, kept = write(store, keys, "a misteak"), write(store, keys, "a misteak kept")
    assert texts(store, "misteak") == ["a misteak", "a misteak kept"]
    store.messages.compose(keys.signing, BOB_ID, "a mistake", NOW_MS, kind="edit", about=mine)
    assert (texts(store, "misteak"), texts(store, "mistake")) == (["a misteak kept"], ["a mistake"])
    store.messages.compose(keys.signing, BOB_ID, "", NOW_MS, kind="withdrawal", about=mine)
    assert texts(store, "mistake") == []
    receive(store, keys, 1, "👍", kind="reaction", about=kept)
    receive(store, keys, 2, "somebody else's words", kind="edit", about=kept)
    assert texts(store, "misteak") == ["a misteak kept"]
    assert texts(store, "👍") == texts(store, "somebody") == []


def test_an_edit_that_comes_before_its_message(store: Store, keys: Keys) -> None:
    receive(store, keys, 2, "how it reads now", kind="edit", about=f"{1:032x}")
    assert texts(store, "reads") == []
    receive(store, keys, 1, "how it read first")
    assert (texts(store, "reads"), texts(store, "first")) == (["how it reads now"], [])


def test_what_has_no_number_in_its_room_yet_is_not_shown(store: Store, keys: Keys) -> None:
    write(store, keys, "hello room", ROOM)
    for sequence in (1, 2, 3):
        message = Message(
            id=f"{sequence:032x}", author=BOB_ID, recipient=ROOM, series=1, sequence=sequence, sent_at_ms=1,
            text=f"hello {sequence}",
        )  # fmt: skip
        with store.transaction():
            store.messages.insert(message, sign_message(BOB, message), ROOM, NOW_MS, "received", unread=True)
    assert texts(store, "hello", limit=1) == texts(store, "hello", ROOM) == ["hello room"]
    with store.transaction():
        store.database.execute("UPDATE messages SET place = 7 WHERE id = ?", (f"{2:032x}",))
    assert texts(store, "hello", ROOM) == ["hello room", "hello 2"]


def test_another_kernel_and_the_next_one(store: Store, keys: Keys, folder: ProfileFolder) -> None:
    other = Store.open(folder, keys)
    with store.transaction():
        for number in range(SAVE_AFTER):
            mine = write(store, keys, f"confidential {number}")
    assert texts(other, '"confidential 7"') == ["confidential 7"]
    wait_until(folder.search.exists)
    store.messages.compose(keys.signing, BOB_ID, "changed since", NOW_MS, kind="edit", about=mine)
    assert texts(other, "changed") == texts(store, "changed") == ["changed since"]
    other.close()
    next_one = Store.open(folder, keys)
    assert texts(next_one, "changed") == ["changed since"]
    assert len(texts(next_one, "confidential")) == SAVE_AFTER - 1
    next_one.close()
    files = [path.read_bytes() for path in folder.path.rglob("*") if path.is_file()]
    assert not any(word in content for content in files for word in (b"confid", b"changed since", b"hange"))
