"""A folder on its way: its files so far under the parts folder, each where it will lie. As `parts` is for a file.

    parts/ID.parts/           0700; becomes the folder in the repository, in one step
        SAFE/NAME.csv         as long as what has come of it

What lies there when it is opened and is no file of the folder is taken away first, so that nothing else comes into the
repository with it. May import protocol and errors only.
"""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from academics_jupyter.errors import NotVerifiedError
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import hash_of
from academics_jupyter.protocol.merkle import Data
from academics_jupyter.store.durable import NO_FOLLOW, disk_errors, keep_room, place_new_folder, sync_below
from academics_jupyter.store.files import FolderFile, HeldFolder
from academics_jupyter.store.parts import PartPieces
from academics_jupyter.store.repository import Repository, check_room, place

BLOCK_BYTES = 4096
"""What a file takes on the disk at the least."""

_WRITING = "The download cannot be written"


class FolderPart(PartPieces):
    """A resource that is a folder, by its file tree, which has been verified. As FilePart in all its methods."""

    def __init__(self, repository: Repository, resource: str, tree: bytes) -> None:
        """Raises RemoteProtocolError where the tree is none."""
        super().__init__(file_tree.decode(tree))
        self._repository, self._resource, self._tree = repository, resource, tree
        self._folder = repository.part_path(resource).with_suffix(".parts")
        paths = file_tree.local_paths(self.contents)
        self._names = ["/".join(names) for names in paths]
        self._folders = {"/".join(names[:depth]) for names in paths for depth in range(1, len(names))}
        self._lengths: dict[int, int] = {}
        """How long each file is that a former run has left."""
        self._closed = threading.Event()

    def open(self, reserved_bytes: int = 0) -> None:
        """Make or reopen the folder. Raises StoreError where the disk has no room for it beside `reserved_bytes`."""
        with disk_errors(_WRITING):
            if not _is_folder(self._folder):
                self._folder.unlink(missing_ok=True)
                self._folder.mkdir(mode=0o700)
            self._look_through()
            missing = len(self._names) - len(self._lengths)
            more_bytes = self.contents.size_bytes - sum(self._lengths.values()) + BLOCK_BYTES * missing
            check_room(self._folder.parent, more_bytes, reserved_bytes)
            for above in sorted(self._folders):
                (self._folder / above).mkdir(mode=0o700, exist_ok=True)

    def close(self) -> None:
        """Nothing may be written any more. Safe to repeat."""
        self._closed.set()

    def write(self, number: int, offset: int, data: Data) -> None:
        """Write bytes of a piece, `offset` from its start. Raises StoreError."""
        piece = self.contents.piece(number)
        with disk_errors(_WRITING):
            if self._closed.is_set():
                raise OSError("the download has ended")
            descriptor = os.open(self._path(piece.file), os.O_WRONLY | os.O_CREAT | NO_FOLLOW, 0o600)
            try:
                keep_room(descriptor)
                os.lseek(descriptor, piece.start + offset, os.SEEK_SET)
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
            finally:
                os.close(descriptor)

    def place(self, number: int) -> tuple[Path, int]:
        """The file in which a piece's bytes belong, and where in it."""
        piece = self.contents.piece(number)
        return Path(self._path(piece.file)), piece.start

    def finish(self, name: str, added_at_ms: int) -> HeldFolder:
        """Put the whole and verified folder into the repository, under a name like `name`. Raises StoreError."""
        with disk_errors("The download cannot be put into the repository"):
            for number, file in enumerate(self.contents.files):
                if file.size_bytes == 0:
                    os.close(os.open(self._path(number), os.O_WRONLY | os.O_CREAT | NO_FOLLOW, 0o600))
            files = tuple(
                FolderFile(file.root, self._names[number], os.lstat(self._path(number)).st_mtime_ns)
                for number, file in enumerate(self.contents.files)
            )
            sync_below(self._folder)
            path = place(self._folder, self._repository.folder, name, place_new_folder)
        return HeldFolder(
            self._resource,
            path.name,
            self.contents.size_bytes,
            self.hashes,
            added_at_ms,
            0,
            tree=self._tree,
            files=files,
        )

    def _path(self, file: int) -> str:
        return f"{self._folder}/{self._names[file]}"

    def _look_through(self) -> None:
        """Note the files that a former run has left, and take everything else away."""
        wanted = {name: number for number, name in enumerate(self._names)}
        self._lengths.clear()
        for path, below, names in os.walk(self._folder):
            above = os.path.relpath(path, self._folder)
            for name in [*below, *names]:
                inside = name if above == "." else f"{above}/{name}"
                full = Path(path) / name
                found = full.lstat()
                number = wanted.get(inside)
                if stat.S_ISDIR(found.st_mode) and inside in self._folders:
                    continue
                if number is not None and self._may_be(number, found):
                    self._lengths[number] = found.st_size
                elif stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(full)
                else:
                    full.unlink()
            below[:] = [name for name in below if _is_folder(Path(path) / name)]

    def _may_be(self, number: int, found: os.stat_result) -> bool:
        """Whether that is a file of ours, with no other name, and no longer than it should be."""
        fits = found.st_size <= self.contents.files[number].size_bytes
        return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and fits

    def _written(self) -> Iterator[int]:
        """The pieces that a former run may have written."""
        if self._lengths:
            for number in range(self.contents.piece_count):
                piece = self.contents.piece(number)
                if self._lengths.get(piece.file, 0) >= piece.end:
                    yield number

    def _holds(self, number: int) -> bool:
        piece, hasher = self.contents.piece(number), self.contents.hasher(number)
        try:
            descriptor = os.open(self._path(piece.file), os.O_RDONLY | NO_FOLLOW)
        except OSError:
            return False
        try:
            os.lseek(descriptor, piece.start, os.SEEK_SET)
            for chunk in range(hasher.chunk_count):
                hasher.add(chunk, os.read(descriptor, hasher.chunk_length(chunk)))
        except (OSError, NotVerifiedError):
            return False
        finally:
            os.close(descriptor)
        return hasher.finish() == hash_of(number, self.hashes)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
