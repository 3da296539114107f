"""File trees: one encoding for each folder, hostile ones refused at the first wrong byte, names that harm nobody."""

from __future__ import annotations

import tracemalloc

import pytest
from bencode2 import bdecode, bencode
from hypothesis import example, given
from hypothesis import strategies as st

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import File
from academics_jupyter.protocol.merkle import EMPTY_ROOT, FileHasher
from academics_jupyter.protocol.names import safe_file_name, safe_names, unlike

ROOT = "5e" * 32
NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\\\x00"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
PATH = st.lists(NAME, min_size=1, max_size=4).map(tuple)


@st.composite
def folders(draw: st.DrawFn) -> list[File]:
    """Files whose paths are no other's folder."""
    paths = draw(st.lists(PATH, min_size=1, max_size=12, unique=True))
    kept = [path for path in paths if not any(other != path and other[: len(path)] == path for other in paths)]
    sizes = st.one_of(st.just(0), st.integers(1, 1 << 40))
    return [File(path, ROOT if size else EMPTY_ROOT, size) for path in kept for size in [draw(sizes)]]


def leaf(size_bytes: int = 0) -> bytes:
    return bencode({"": {"length": size_bytes, **({"pieces root": bytes.fromhex(ROOT)} if size_bytes else {})}})


def named(name: bytes) -> bytes:
    return b"d%d:%b%be" % (len(name), name, leaf())


@given(folders())
def test_a_tree_comes_back_in_the_order_of_its_names(files: list[File]) -> None:
    tree = file_tree.encode(files)
    contents = file_tree.decode(tree)
    assert list(contents.files) == sorted(files, key=lambda file: [name.encode() for name in file.path])
    assert file_tree.encode(contents.files) == tree
    assert bencode(bdecode(tree)) == tree


@given(folders(), st.data())
def test_no_other_bytes_are_the_same_folder(files: list[File], data: st.DataObject) -> None:
    tree = bytearray(file_tree.encode(files))
    at = data.draw(st.integers(0, len(tree) - 1))
    tree[at] ^= data.draw(st.integers(1, 255))
    try:
        contents = file_tree.decode(bytes(tree))
    except RemoteProtocolError:
        return
    assert file_tree.encode(contents.files) == bytes(tree)


@given(st.binary(max_size=200))
@example(b"d1:ad0:d6:lengthi0eeee")
def test_whatever_is_read_is_what_would_be_written(tree: bytes) -> None:
    try:
        contents = file_tree.decode(tree)
    except RemoteProtocolError:
        return
    assert file_tree.encode(contents.files) == tree


def test_the_tree_is_that_of_bep_52() -> None:
    files = [File(("b.txt",), ROOT, 5), File(("a", "empty"), EMPTY_ROOT, 0), File(("a", "c"), ROOT, 1 << 21)]
    assert bdecode(file_tree.encode(files)) == {
        b"a": {
            b"c": {b"": {b"length": 1 << 21, b"pieces root": bytes.fromhex(ROOT)}},
            b"empty": {b"": {b"length": 0}},
        },
        b"b.txt": {b"": {b"length": 5, b"pieces root": bytes.fromhex(ROOT)}},
    }


def test_the_folder_is_named_as_a_file_with_those_bytes_would_be() -> None:
    tree = file_tree.encode([File(("a",), ROOT, 5)])
    hasher = FileHasher(len(tree))
    hasher.update(tree)
    assert file_tree.name_tree(tree) == hasher.finish()


@pytest.mark.parametrize(
    "tree",
    [
        b"",
        b"de",
        b"le",
        b"i1e",
        b"d",
        b"d1:a",
        b"d1:ade",
        b"d1:adee",
        b"d1:a1:be",
        b"d1:ai1ee",
        b"d1:ale" + b"e",
        b"d1:a" + leaf(),
        b"d1:a" + leaf() + b"ee",
        b"d1:a" + leaf() + b"e" + b"\n",
        b"d01:a" + leaf() + b"e",
        b"d+1:a" + leaf() + b"e",
        b"d0:" + leaf() + b"e",
        b"d999:a" + leaf() + b"e",
        b"d99999999999999999999:a" + leaf() + b"e",
        b"d1:b" + leaf() + b"1:a" + leaf() + b"e",
        b"d1:a" + leaf() + b"1:a" + leaf() + b"e",
        b"d1:ad0:d6:lengthi1eeee",
        b"d1:ad0:d6:lengthi-1eeee",
        b"d1:ad0:d6:lengthi00eeee",
        b"d1:ad0:d6:lengthi5e11:pieces root31:" + bytes(31) + b"eee",
        b"d1:ad0:d6:lengthi0e11:pieces root32:" + bytes(32) + b"eeee",
        b"d1:ad0:d6:lengthi05e11:pieces root32:" + bytes(32) + b"eeee",
        b"d1:ad0:d4:attr1:x6:lengthi0eeee",
        b"d1:ad0:d6:lengthi0ee1:b" + leaf() + b"ee",
        named(b"."),
        named(b".."),
        named(b"a/b"),
        named(b"/"),
        named(b"a\\b"),
        named(b"a\x00b"),
        named(b"\xff"),
        named(b"\xed\xa0\x80"),
        named(b"x" * 256),
        b"d1:a" * 34 + leaf() + b"e" * 34,
        b"d" * 100_000,
        b"d1:ad0:d6:lengthi9999999999999999e11:pieces root32:" + bytes(32) + b"eeee",
        file_tree.encode([File(("x" * 250, "y" * 250, "z" * 250, "w" * 50), EMPTY_ROOT, 0)]),
        file_tree.encode(File((f"{number:02}",), ROOT, 16 << 30) for number in range(33)),
    ],
    ids=lambda tree: repr(tree[:40]),
)
def test_what_is_no_tree_is_refused(tree: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        file_tree.decode(tree)


def test_a_tree_up_to_the_limits_is_read() -> None:
    assert file_tree.decode(b"d1:a" * 33 + leaf() + b"e" * 33).files[0].path == ("a",) * 33
    assert file_tree.decode(named(b"x" * 255)).files[0].path == ("x" * 255,)
    assert file_tree.decode(file_tree.encode(File((f"{number:02}",), ROOT, 16 << 30) for number in range(32)))


def test_a_million_entries_cost_little() -> None:
    tree = b"d" + b"".join(b"7:%07d%b" % (number, leaf()) for number in range(1_000_000)) + b"e"
    tracemalloc.start()
    with pytest.raises(RemoteProtocolError, match="more than 100,000 files"):
        file_tree.decode(tree)
    with pytest.raises(RemoteProtocolError, match="too long"):
        file_tree.decode(tree + bytes(file_tree.MAX_TREE_BYTES))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 8 * len(tree)


@given(folders())
def test_local_paths_are_safe_and_unlike(files: list[File]) -> None:
    contents = file_tree.decode(file_tree.encode(files))
    paths = file_tree.local_paths(contents)
    assert all(safe_file_name(name) == name for path in paths for name in path)
    folded = ["/".join(path).casefold() for path in paths]
    assert len(set(folded)) == len(files)
    assert [len(path) for path in paths] == [len(file.path) for file in contents.files]
    again = [File(path, file.root, file.size_bytes) for path, file in zip(paths, contents.files, strict=True)]
    ordered = file_tree.decode(file_tree.encode(again))
    assert file_tree.local_paths(ordered) == [file.path for file in ordered.files]


def test_twins_and_devices_get_names_of_their_own() -> None:
    paths = [
        ("A", "x.csv"),
        ("A", "X.csv"),
        ("a", "x.csv"),
        ("CON",),
        ("caf\u00e9",),
        ("cafe\u0301",),
        (".git", "HEAD"),
    ]
    contents = file_tree.decode(file_tree.encode(File(path, EMPTY_ROOT, 0) for path in paths))
    local = dict(zip((file.path for file in contents.files), file_tree.local_paths(contents), strict=True))
    assert local == {
        (".git", "HEAD"): ("_git", "HEAD"),
        ("A", "X.csv"): ("A", "X.csv"),
        ("A", "x.csv"): ("A", "x (2).csv"),
        ("CON",): ("_CON",),
        ("a", "x.csv"): ("a (2)", "x.csv"),
        ("cafe\u0301",): ("caf\u00e9",),
        ("caf\u00e9",): ("caf\u00e9 (2)",),
    }


@given(st.lists(st.sampled_from(["a.csv", "A.csv", "a (2).csv", "a?.csv", "a_.csv", "x"]), max_size=12))
def test_many_safe_names_are_those_given_one_by_one(names: list[str]) -> None:
    taken: list[str] = []
    for name in safe_names(names):
        assert unlike(name, taken) == name
        taken.append(name)


def test_many_equal_names_are_kept_apart_in_one_pass() -> None:
    assert safe_names(["?"] * 20_000)[-1] == "_ (20000)"
