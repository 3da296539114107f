"""The torrents of files and folders against those that libtorrent makes of the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from bencode2 import bdecode

from academics_jupyter.errors import UsageError
from academics_jupyter.protocol import merkle
from academics_jupyter.protocol.contents import Contents, File, one_file
from academics_jupyter.protocol.merkle import BLOCK_BYTES, EMPTY_ROOT, FileHasher, piece_bytes
from academics_jupyter.protocol.torrent import metainfo

KIB, MIB = 1 << 10, 1 << 20
SIZES = [*(near + off for near in (16 * KIB, MIB) for off in (-1, 0, 1)), 1, 100_003, 2 * MIB, 7 * MIB + 16 * KIB + 1]


def content(size_bytes: int) -> bytes:
    pattern = bytes(i * 7 % 251 for i in range(251))
    return (pattern * (size_bytes // 251 + 1))[:size_bytes]


def torrent(name: str, files: dict[tuple[str, ...], bytes]) -> bytes:
    """Our torrent of files by their paths; of a file alone, by none."""
    found, hashes = [], b""
    for path, data in files.items():
        hasher = FileHasher(len(data))
        hasher.update(data)
        named = hasher.finish()
        found.append(File(path, named.root, len(data)))
        hashes += named.pieces
    return metainfo(name, Contents(found), hashes)


def of_libtorrent(path: Path, length: int) -> dict[bytes, Any]:
    """The v2 torrent that libtorrent makes of a file or folder."""
    made = lt.create_torrent(lt.list_files(str(path)), length, lt.create_torrent.v2_only)
    lt.set_piece_hashes(made, str(path.parent))
    return dict(made.generate())


def same(ours: bytes, theirs: dict[bytes, Any]) -> None:
    """Two torrents that are one to every client, and that libtorrent takes."""
    decoded = bdecode(ours)
    assert decoded[b"info"] == theirs[b"info"]
    assert decoded[b"piece layers"] == theirs[b"piece layers"]
    loaded = lt.torrent_info(ours)
    assert loaded.is_valid()
    assert loaded.info_hashes() == lt.torrent_info(theirs).info_hashes()
    assert loaded.info_hashes().has_v2()
    assert not loaded.info_hashes().has_v1()


@pytest.mark.parametrize("size_bytes", SIZES)
def test_a_file_has_the_torrent_that_libtorrent_makes(size_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "orbits of Ceres, 谷神星.csv"
    path.write_bytes(content(size_bytes))
    same(torrent(path.name, {(): content(size_bytes)}), of_libtorrent(path, MIB))


@pytest.mark.parametrize("others", [(), (BLOCK_BYTES + 1,), (5 * BLOCK_BYTES,), (40 * BLOCK_BYTES - 3,)])
def test_files_of_a_folder_are_brought_to_one_piece_length(
    others: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merkle, "SMALLEST_PIECE_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(merkle, "MAX_PIECES", 4)
    sizes = [0, 1, *(blocks * BLOCK_BYTES + 7 for blocks in range(1, 20)), *others]
    files = {("raw", f"{number % 3}", f"{size}.bin"): content(size) for number, size in enumerate(sizes)}
    files["README",] = b"read me"
    folder = tmp_path / "survey"
    for path, data in files.items():
        folder.joinpath(*path).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(*path).write_bytes(data)
    same(torrent("survey", files), of_libtorrent(folder, max(map(piece_bytes, sizes))))


def test_the_same_files_in_another_order_are_the_same_torrent() -> None:
    files = {("a", f"{size}"): content(size) for size in SIZES[:5]}
    assert torrent("folder", files) == torrent("folder", dict(reversed(files.items())))


def test_the_longest_pieces_are_taken_and_longer_ones_refused() -> None:
    longest = piece_bytes(4 << 40)
    layer = bytes(32) * merkle.MAX_PIECES
    ours = bdecode(metainfo("large", one_file("5e" * 32, 4 << 40), layer))
    assert ours[b"info"][b"piece length"] == longest
    # Its layer is made up here, so that libtorrent can take no more than the lengths.
    with pytest.raises(RuntimeError, match="piece layer"):
        lt.torrent_info(ours)
    with pytest.raises(UsageError, match=r"large is too large for a torrent: .* 4 TiB"):
        metainfo("large", one_file("5e" * 32, (4 << 40) + 1), layer)


def test_there_is_no_torrent_of_nothing() -> None:
    for contents in (Contents([]), one_file(EMPTY_ROOT, 0), Contents([File(("a",), EMPTY_ROOT, 0)] * 2)):
        with pytest.raises(UsageError, match="empty is empty"):
            metainfo("empty", contents, b"")
    with pytest.raises(RuntimeError):
        lt.torrent_info({b"info": {
            b"meta version": 2, b"name": b"e", b"piece length": MIB, b"file tree": {b"e": {b"": {b"length": 0}}}
        }})  # fmt: skip
