"""The torrent of a resource (BitTorrent v2 alone, BEP 52): metainfo from what is known of its files. Pure.

    info
     ├── name           what it is called in the folder that a client looks into: the file, or the folder of the files
     ├── piece length   one for all files
     └── file tree      as in `file_tree`, where each file's "pieces root" is its id here
    piece layers        pieces root -> layer, for each file of more than one piece

Invariants
- Everything follows from names, sizes and hashes, so that all who hold the same files make the same torrent.
- Nothing is hashed again: a file's layer is the one it is downloaded by, made coarser where another file needs it.
"""

from __future__ import annotations

from dataclasses import replace

from bencode2 import bencode

from academics_jupyter.errors import UsageError
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import Contents
from academics_jupyter.protocol.merkle import coarser_layer, piece_bytes

MAX_PIECE_BYTES = 1 << 28
"""libtorrent, which most clients are built on, refuses longer pieces."""


def metainfo(name: str, contents: Contents, hashes: bytes) -> bytes:
    """What a `.torrent` file holds; `hashes` are those of all pieces of the contents.

    Raises UsageError for what no client takes: files without a byte among them, and one of more than 4 TiB.
    """
    if contents.size_bytes == 0:
        raise UsageError(f"{name} is empty, and a torrent needs bytes: there is nothing to export.")
    length = max(piece_bytes(file.size_bytes) for file in contents.files)
    if length > MAX_PIECE_BYTES:
        raise UsageError(f"{name} is too large for a torrent: clients take files of up to 4 TiB.")
    layers = {
        bytes.fromhex(file.root): coarser_layer(file.size_bytes, contents.hashes_of(number, hashes), length)
        for number, file in enumerate(contents.files)
    }
    tree = file_tree.node(replace(file, path=file.path or (name,)) for file in contents.files)
    info = {"meta version": 2, "name": name, "piece length": length, "file tree": tree}
    return bencode({"info": info, "piece layers": {root: layer for root, layer in layers.items() if layer}})
