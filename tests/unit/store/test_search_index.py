from __future__ import annotations

import multiprocessing
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.errors import StoreError
from academics_jupyter.store import searching
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.search_index import SearchIndex, Span
from academics_jupyter.store.search_snapshot import SearchSnapshot
from academics_jupyter.store.searching import Found, Searching, SearchRow
from tests.waiting import wait_until

KEY = b"k" * 32
ALICE, BOB = "0a" * 32, "0b" * 32


def indexed(*texts: str) -> SearchIndex:
    index = SearchIndex()
    for number, text in enumerate(texts, 1):
        index.add(number, ALICE, text)
    return index


class History:
    """Messages that are only in memory; each call of `write` is a row."""

    def __init__(self) -> None:
        self.rows: list[SearchRow] = []
        self.read = 0
        self.name = "first"

    def write(self, text: str, conversation: str = ALICE) -> int:
        number = len(self.rows) + 1
        self.rows.append(SearchRow(number, f"{self.name} {number}", number, conversation, text))
        return number

    def change(self, number: int, text: str) -> None:
        """Edit it, or withdraw it where nothing is left."""
        conversation = self.rows[number - 1].conversation
        self.write(text, conversation)
        self.rows[-1] = SearchRow(len(self.rows), self.rows[-1].id, number, conversation, text)

    def react(self) -> None:
        self.rows.append(SearchRow(len(self.rows) + 1, f"{self.name} {len(self.rows) + 1}"))

    def rows_after(self, number: int, limit: int) -> Sequence[SearchRow]:
        return self._now(self.rows[number : number + limit])

    def rows_before(self, number: int, limit: int) -> Sequence[SearchRow]:
        above = min(number - 1, len(self.rows))
        return self._now(self.rows[max(0, above - limit) : above])

    def newest(self) -> int:
        return len(self.rows)

    def id_of(self, number: int) -> str:
        return self.rows[number - 1].id if 0 < number <= len(self.rows) else ""

    def _now(self, rows: Sequence[SearchRow]) -> Sequence[SearchRow]:
        """Whoever reads a row is told what its subject says today."""
        self.read += len(rows)
        says = {row.subject: row.text for row in self.rows}
        return [SearchRow(row.number, row.id, row.subject, row.conversation, says[row.subject]) for row in rows]


@pytest.fixture
def history() -> History:
    return History()


class Kernels:
    """Opens searches of one profile, as its kernels would."""

    def __init__(self, folder: ProfileFolder, history: History) -> None:
        self.path, self.history = folder.search, history
        self.opened: list[Searching] = []

    def open(self, key: bytes = KEY) -> Searching:
        self.opened.append(Searching(SearchSnapshot(self.path, key), self.history))
        return self.opened[-1]


@pytest.fixture
def kernels(folder: ProfileFolder, history: History) -> Iterator[Kernels]:
    folder.create()
    kernels = Kernels(folder, history)
    yield kernels
    for each in kernels.opened:
        each.close()


def whole(search: Searching, words: str, conversation: str | None = None) -> list[int]:
    """What is found once no message is missing."""
    found: list[Found] = []

    def complete() -> bool:
        found.append(search.find(words, conversation))
        return not found[-1].missing

    wait_until(complete)
    return found[-1].numbers


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Graph embeddings of proteins", "graph embed"),
        ("Graph embeddings of proteins", "PROTEINS graph "),
        ("Graph embeddings of proteins", '"graph embeddings"'),
        ("Graph embeddings of proteins", '"graph embeddings of prot'),
        ("Graph embeddings of proteins", "“embeddings of” graph"),
        ("Straße nach Łódź, Ångström und Søren", "STRASSE lodz ANGSTROM soren"),
        ("un café à Orléans", "cafe\u0301 A orleans"),
        ("cafe\u0301", "CAFÉ"),
        ("tiếng Việt", "tieng viet"),
        ("the e\ufb03cient so\u00adlu\u00adtion", "efficient solution"),
        ("see 10.1038/s41586-020-2649-2", "10.1038/s41586-020"),
        ("don't use my_function()", "don\u2019t my_func"),
        ("$\\alpha + H_2O$ and x²", "alpha x2"),
        ("C++ & R: a|b", "c++ & | r"),
        ("東京大学で研究しています", "大学"),
        ("東京大学で研究しています", "研究 東京"),
        ("東京大学で研究しています", "東"),
        ("这是一个关于图神经网络的论文", "神经网络"),
        ("우리학교에서 만나요", "학교"),
        ("ภาษาไทยง่ายมาก", "ไทย"),
        ("Python入門の本", "python入門"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("Привет, мир", "привет МИР"),
        ("שָׁלוֹם עולם", "עולם"),
        ("done 🎉 ❤\ufe0f", "🎉 ❤"),
        ("a\0b \ud800 end", "b end"),
    ],
)
def test_what_people_type_finds_what_they_mean(text: str, typed: str) -> None:
    assert indexed("something else", text).find(typed) == [2]


@pytest.mark.parametrize(
    "typed",
    [
        "graph other",
        "grap proteins",
        "graph emb ",
        '"embeddings graph"',
        "mbeddings",
        "大京",
        "alice",
        ALICE,
        "text:graph",
    ],
)
def test_what_is_not_there_is_not_found(typed: str) -> None:
    assert indexed("Graph embeddings of proteins", "東京大学").find(typed) == []


@pytest.mark.parametrize(
    "typed", ["", "  ", '"', '""', "&", "( OR )", "NEAR(", "*", "-", "^", ":", "\0", "\ud800", "'--"]
)
def test_nothing_to_look_for_finds_nothing(typed: str) -> None:
    assert indexed("graph", "( OR )").find(typed) in ([], [2])


@given(st.text() | st.text("\"*()^:-+{}\0 'ANDORNOTEARab大éก", max_size=200))
def test_nothing_typed_is_an_error(typed: str) -> None:
    indexed("graph", "ab 大").find(typed, BOB)


@given(st.lists(st.text("abcdefghé大ß .", min_size=1, max_size=20), min_size=1, max_size=5), st.data())
def test_each_word_of_a_message_finds_it(texts: list[str], data: st.DataObject) -> None:
    index = indexed(*texts)
    for number, text in enumerate(texts, 1):
        if words := re.findall(r"\w+", text):
            word = data.draw(st.sampled_from(words))
            assert number in index.find(word, limit=9)
            assert number in index.find(f"{unicodedata.normalize('NFD', word).upper()} ", limit=9)


def test_a_query_as_long_as_a_message_is_cut() -> None:
    index = indexed("word " * 300)
    assert index.find("word " * 100_000) == [1]
    assert index.find("word " + '"' * 100_000) == [1]
    assert index.find("w" * 100_000) == []


def test_newest_first_in_one_conversation_or_all() -> None:
    index = SearchIndex()
    for number in range(1, 31):
        index.add(number, BOB if number % 3 == 0 else ALICE, f"message {number}")
    assert index.find("message", limit=3) == [30, 29, 28]
    assert index.find("message", BOB, limit=3) == [30, 27, 24]
    assert index.find("message 3", BOB) == [30, 3]
    assert index.find("message", "nobody") == []


def test_edited_and_withdrawn_messages() -> None:
    index = indexed("first draft", "second draft", "third")
    index.change(2, ALICE, "second version")
    assert (index.find("draft"), index.find("version"), index.find("second")) == ([1], [2], [2])
    index.change(2, ALICE, "third draft")
    assert (index.find("version"), index.find("draft"), index.find("third")) == ([], [2, 1], [3, 2])
    index.remove(2)
    index.remove(7)
    index.remove(2)
    assert (index.find("draft"), index.find("third")) == ([1], [3])
    index.change(7, ALICE, "come at last")
    index.change(2, ALICE, "back again")
    assert (index.find("last"), index.find("back"), index.find("second")) == ([7], [2], [])


def test_an_image_is_all_of_it() -> None:
    index = indexed("one", "two")
    index.change(1, ALICE, "three")
    index.cover(Span(1, 2, "last"))
    index.tidy()
    again = SearchIndex(index.image())
    assert again.span == Span(1, 2, "last")
    assert (again.find("one"), again.find("t")) == ([], [2, 1])
    again.add(3, BOB, "two")
    assert (again.find("two"), index.find("two")) == ([3, 2], [2])


@pytest.mark.parametrize("image", [b"nothing of the kind", b"\0" * 8192])
def test_what_is_no_image_is_refused(image: bytes) -> None:
    with pytest.raises(ValueError, match="image"):
        SearchIndex(image)


def test_what_fails_half_way_leaves_the_index_as_it_was() -> None:
    index = indexed("one")

    def fail() -> None:
        with index.transaction():
            index.add(2, ALICE, "two")
            index.cover(Span(1, 2, "x"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (index.find("two"), index.span) == ([], Span())


def test_all_kernels_find_what_any_of_them_wrote(kernels: Kernels, history: History) -> None:
    one, other = kernels.open(), kernels.open()
    assert one.find("hello") == Found([])
    first = history.write("hello there")
    assert one.find("hello") == other.find("hello") == Found([first])
    second = history.write("hello", BOB)
    history.change(first, "goodbye")
    history.react()
    assert (other.find("hello"), one.find("goodbye")) == (Found([second]), Found([first]))
    assert one.find("hello", ALICE) == Found([])
    history.change(second, "")
    assert one.find("hello") == other.find("hello") == Found([])


@pytest.mark.parametrize("count", [60, 3_000])
def test_a_new_kernel_reads_only_what_came_since(kernels: Kernels, history: History, count: int) -> None:
    for number in range(count):
        history.write(f"old message {number}")
    search = kernels.open()
    assert len(whole(search, "old")) == 50
    search.close()
    assert stat.S_IMODE(kernels.path.stat().st_mode) == 0o600
    new = history.write("a new message")
    history.change(1, "edited")
    history.change(2, "")
    history.read = 0
    later = kernels.open()
    assert later.find("new") == Found([new])
    assert later.find("edited") == Found([1])
    assert [later.find(f'"message {number} "').numbers for number in (0, 1, 2)] == [[], [], [3]]
    assert history.read == 3


def test_what_one_kernel_saved_is_not_replaced_by_what_another_saw_before(kernels: Kernels, history: History) -> None:
    for number in range(100):
        history.write(f"message {number}")
    early, late = kernels.open(), kernels.open()
    early.find("message")
    for number in range(100):
        history.write(f"later message {number}")
    late.find("message")
    late.close()
    early.close()
    history.read = 0
    assert len(kernels.open().find("later", limit=1_000).numbers) == 100
    assert history.read == 0


@pytest.mark.parametrize("damage", ["bit", "cut", "empty", "other", "key", "last"])
def test_a_snapshot_that_does_not_open_is_made_anew(kernels: Kernels, history: History, damage: str) -> None:
    for number in range(100):
        history.write(f"message {number}")
    first = kernels.open()
    assert first.find("message 7") == Found(sorted([8, *range(71, 81)], reverse=True))
    first.close()
    kept = bytearray(kernels.path.read_bytes())
    if damage == "bit":
        kept[len(kept) // 2] ^= 1
    elif damage == "last":
        kept[20:24] = b"\xff" * 4
    content = {"cut": kept[:1000], "empty": b"", "other": b"another program's file"}.get(damage, bytes(kept))
    kernels.path.write_bytes(content)
    again = kernels.open(b"x" * 32 if damage == "key" else KEY)
    assert again.find('"message 7 "') == Found([8])
    again.close()
    history.read = 0
    assert kernels.open(b"x" * 32 if damage == "key" else KEY).find('"message 7 "') == Found([8])
    assert history.read == 0


@pytest.mark.parametrize("kept", [0, 40, 150])
def test_the_index_of_another_store_counts_for_nothing(kernels: Kernels, history: History, kept: int) -> None:
    """As after the store was damaged and begun anew, or brought back from a backup."""
    for number in range(100):
        history.write(f"former {number}")
    search = kernels.open()
    search.find("former")
    search.close()
    del history.rows[min(kept, 40) :]
    history.name = "second"
    for number in range(kept - len(history.rows)):
        history.write(f"present {number}")
    again = kernels.open()
    assert len(again.find("former", limit=1_000).numbers) == min(kept, 40)
    assert len(again.find("present", limit=1_000).numbers) == max(0, kept - 40)


def test_a_long_history_is_found_newest_first_while_the_index_is_made(
    kernels: Kernels, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PATIENCE_S", 0.0)
    for number in range(5_000):
        history.write(f"message {number}")
    search = kernels.open()
    found = search.find("message", limit=3)
    assert (found.numbers, found.missing > 0) == ([5_000, 4_999, 4_998], True)
    assert whole(search, '"message 0 "') == [1]
    # A kernel that ends meanwhile leaves what it had, and the next one goes on from there.
    kernels.path.unlink(missing_ok=True)
    other = kernels.open()
    assert other.find("message").missing
    other.close()
    history.write("message 5000")
    history.read = 0
    assert whole(kernels.open(), '"message 0 "') == [1]
    assert history.read <= 4_001


def test_a_driver_keeps_up_without_a_search(kernels: Kernels, history: History) -> None:
    driver = kernels.open()
    driver.keep_up()
    for number in range(searching.SAVE_AFTER):
        history.write(f"message {number}")
    driver.keep_up()
    wait_until(kernels.path.exists)
    history.read = 0
    assert kernels.open().find('"message 7 "') == Found([8])
    driver.keep_up()
    assert history.read == 0


def test_a_disk_that_cannot_be_written_costs_only_the_snapshot(
    kernels: Kernels, history: History, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        history.write(f"message {number}")
    kernels.path.mkdir()
    search = kernels.open()
    assert search.find('"message 7 "') == Found([8])
    search.close()
    assert "cannot be saved" in caplog.text
    assert list(kernels.path.parent.glob(f".{kernels.path.name}*")) == []


def test_no_word_lies_on_the_disk(kernels: Kernels, history: History) -> None:
    for number in range(1_000):
        history.write(f"confidential word{number}")
    search = kernels.open()
    whole(search, "confidential")
    wait_until(kernels.path.exists)
    for _ in range(2):
        files = [path.read_bytes() for path in kernels.path.parent.rglob("*") if path.is_file()]
        assert files
        assert not any(secret in content for content in files for secret in (b"confid", b"word9", b"SQLite", b"fts5"))
        search.close()


def test_what_a_killed_process_was_writing_is_removed(kernels: Kernels, history: History) -> None:
    left, fresh = (kernels.path.with_name(f".{kernels.path.name}-{name}") for name in ("old", "new"))
    for path in (left, fresh):
        path.write_bytes(b"half")
    os.utime(left, (0, 0))
    for number in range(100):
        history.write(f"message {number}")
    search = kernels.open()
    search.find("message")
    search.close()
    assert (left.exists(), fresh.exists()) == (False, True)


def test_processes_save_at_the_same_time(folder: ProfileFolder) -> None:
    """However their writing falls together, there is always a whole snapshot, and in the end a late one."""
    folder.create()
    snapshot = SearchSnapshot(folder.search, KEY)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_save_again_and_again, args=(folder.search, first)) for first in (1, 2, 3)]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        if image := snapshot.read():
            number = int(image[:8])
            assert image == b"%08d" % number * 50_000
            seen += 1
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen
    assert int(snapshot.read()[:8]) >= 61 - len(writers)


def _save_again_and_again(path: Path, first: int) -> None:
    snapshot = SearchSnapshot(path, KEY)
    for number in range(first, first + 60, 3):
        snapshot.write(b"%08d" % number * 50_000, number)


def test_a_closed_search_says_so(kernels: Kernels) -> None:
    search = kernels.open()
    search.close()
    search.close()
    for work in (lambda: search.find("word"), search.keep_up):
        with pytest.raises(StoreError, match="closed"):
            work()


def test_an_old_sqlite_searches_without_snapshots(
    kernels: Kernels, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "IMAGES", False)
    for number in range(3_000):
        history.write(f"message {number}")
    for _ in range(2):
        search = kernels.open()
        assert whole(search, '"message 7 "') == [8]
        search.close()
    assert not kernels.path.exists()


def test_a_forked_child_leaves_the_search_alone(kernels: Kernels, history: History) -> None:
    for number in range(100):
        history.write(f"message {number}")
    search = kernels.open()
    search.find("message")
    child = multiprocessing.get_context("fork").Process(target=_use_in_child, args=(search,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert not kernels.path.exists()
    assert search.find('"message 7 "') == Found([8])


def _use_in_child(search: Searching) -> None:
    with pytest.raises(StoreError):
        search.find("message")
    search.close()
