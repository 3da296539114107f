"""The file tree of a folder (BitTorrent v2, BEP 52, "file tree"), whose own root names the folder. Pure.

    tree  = "d" (name node)* "e"                                names in the order of their bytes
    node  = tree | "d0:d6:lengthi" SIZE "e11:pieces root32:" ROOT "ee"
    empty = "d0:d6:lengthi0eee"                                 an empty file has no root

Invariants
- A folder has one encoding: whatever differs from it by a byte is refused, so that equal folders have equal ids.
- A tree from a peer costs no more than its bytes: it is read token by token, and left at the first one that is wrong.
- The order of the files, in which their bytes make up the resource, is that in which the tree names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from bencode2 import bencode

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.contents import Contents, File
from academics_jupyter.protocol.merkle import EMPTY_ROOT, FileHasher, FileHashes
from academics_jupyter.protocol.names import MAX_NAME_BYTES, safe_names
from academics_jupyter.protocol.records import MAX_FILES, MAX_SIZE_BYTES

MAX_TREE_BYTES = 32 << 20
MAX_DEPTH = 32
MAX_PATH_BYTES = 800
"""Of all names from the folder down to a file, with what parts them: no system takes much longer ones."""
MAX_PIECES = 1 << 19
"""Of all files: their hashes are held in memory while the folder is downloaded and while it is served."""

_NAME = re.compile(rb"([1-9][0-9]{0,2}):")
_FILE = re.compile(rb"d0:d6:lengthi([1-9][0-9]{0,15})e11:pieces root32:(.{32})ee", re.DOTALL)
_EMPTY_FILE = b"d0:d6:lengthi0eee"
_FORBIDDEN = re.compile(r"\A\.\.?\Z|[/\\\x00]")

Node: TypeAlias = dict[bytes, Any]


def node(files: Iterable[File]) -> Node:
    """The tree as nested dictionaries, as a torrent holds it."""
    tree: Node = {}
    for file in files:
        below = tree
        for name in file.path[:-1]:
            below = below.setdefault(name.encode(), {})
        leaf: Node = {b"length": file.size_bytes}
        if file.size_bytes:
            leaf[b"pieces root"] = bytes.fromhex(file.root)
        below[file.path[-1].encode()] = {b"": leaf}
    return tree


def encode(files: Iterable[File]) -> bytes:
    """The bytes of the tree of files with unlike paths; `decode` says what it takes."""
    return bencode(node(files))


def name_tree(tree: bytes) -> FileHashes:
    """The hashes of a tree's bytes: `root` is the id of the folder."""
    hasher = FileHasher(len(tree))
    hasher.update(tree)
    return hasher.finish()


def decode(tree: bytes) -> Contents:
    """The files of a tree, in its order.

    Raises RemoteProtocolError for what is no tree, or not the one encoding of it, or breaks a limit.
    """
    if len(tree) > MAX_TREE_BYTES:
        raise RemoteProtocolError("a file tree is too long")
    files: list[File] = []
    for file in _files(tree):
        files.append(file)
        if len(files) > MAX_FILES:
            raise RemoteProtocolError(f"a file tree names more than {MAX_FILES:,} files")
    contents = Contents(files)
    if contents.piece_count > MAX_PIECES or contents.size_bytes > MAX_SIZE_BYTES:
        raise RemoteProtocolError("a file tree has more bytes than a folder may have")
    return contents


def local_paths(contents: Contents) -> list[tuple[str, ...]]:
    """For each file of a folder, safe names of its own: no two are alike on any system, and none leads elsewhere.

    A folder whose names are all safe and unlike keeps them.
    """
    found: list[tuple[str, ...]] = [()] * len(contents.files)
    _name_safely([file.path for file in contents.files], range(len(found)), (), found)
    return found


def _name_safely(
    paths: Sequence[tuple[str, ...]], places: Iterable[int], above: tuple[str, ...], found: list[tuple[str, ...]]
) -> None:
    """Give the files at `places`, which all lie in the folder `above`, their names below it."""
    depth = len(above)
    inside: dict[str, list[int]] = {}
    for place in places:
        inside.setdefault(paths[place][depth], []).append(place)
    for safe, (_name, below) in zip(safe_names(inside), inside.items(), strict=True):
        if len(paths[below[0]]) == depth + 1:
            found[below[0]] = (*above, safe)
        else:
            _name_safely(paths, below, (*above, safe), found)


def _files(tree: bytes) -> Iterator[File]:
    """Read the tree; `above` and `last` are, for each folder that is open, its name and the name read last in it."""
    above: list[bytes] = []
    last: list[bytes] = [b""]
    at = 1
    if tree[:1] != b"d":
        raise RemoteProtocolError("a file tree is no dictionary")
    while last:
        if tree[at : at + 1] == b"e":
            if not last.pop():
                raise RemoteProtocolError("a file tree has a folder without files")
            at += 1
            if above:
                above.pop()
            continue
        name, at = _name_at(tree, at, last[-1])
        last[-1] = name
        file, at = _leaf_at(tree, at)
        if file is not None:
            yield File(_path([*above, name]), *file)
            continue
        above.append(name)
        last.append(b"")
        if len(above) > MAX_DEPTH:
            raise RemoteProtocolError(f"a file tree is more than {MAX_DEPTH} folders deep")
    if at != len(tree):
        raise RemoteProtocolError("a file tree has bytes behind its end")


def _name_at(tree: bytes, at: int, last: bytes) -> tuple[bytes, int]:
    """The name that is next and where it ends; it must come after the `last` one of its folder."""
    found = _NAME.match(tree, at)
    if found is None:
        raise RemoteProtocolError("a file tree is not encoded as it should be")
    start, end = found.end(), found.end() + int(found[1])
    name = tree[start:end]
    if len(name) != end - start or len(name) > MAX_NAME_BYTES or name <= last:
        raise RemoteProtocolError("a file tree has a name that is too long, twice there or out of order")
    return name, end


def _leaf_at(tree: bytes, at: int) -> tuple[tuple[str, int] | None, int]:
    """The root and length of the file that is next, if it is one and not a folder, and where to read on."""
    if tree.startswith(_EMPTY_FILE, at):
        return (EMPTY_ROOT, 0), at + len(_EMPTY_FILE)
    if found := _FILE.match(tree, at):
        return (found[2].hex(), int(found[1])), found.end()
    if tree[at : at + 1] != b"d":
        raise RemoteProtocolError("a file tree is not encoded as it should be")
    return None, at + 1


def _path(names: list[bytes]) -> tuple[str, ...]:
    try:
        path = tuple(name.decode() for name in names)
    except UnicodeError as error:
        raise RemoteProtocolError("a file tree has a name that is no UTF-8") from error
    if sum(map(len, names)) + len(names) > MAX_PATH_BYTES or any(map(_FORBIDDEN.search, path)):
        raise RemoteProtocolError("a file tree has a path that no folder can have")
    return path
