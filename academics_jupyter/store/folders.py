"""Folders: taken into the repository, copied out, removed. May import protocol and errors only.

A folder is taken in as a file is: copied and hashed under a temporary name, synced, and named in one step.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from academics_jupyter.errors import NotVerifiedError, UsageError
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import Contents, File
from academics_jupyter.protocol.merkle import TreeHasher
from academics_jupyter.store.durable import NO_FOLLOW, disk_errors, place_new_folder, sync_below, sync_folder
from academics_jupyter.store.files import FolderFile, HeldFile, HeldFolder
from academics_jupyter.store.repository import CHUNK_BYTES, TEMPORARY, OnProgress, Repository, place
from academics_jupyter.store.surveying import Names, Survey, planned


@dataclass(frozen=True, slots=True)
class TakenFolder:
    """A folder that now lies at `path`; `copied` is false where the same folder was held there before."""

    path: Path
    recorded: str
    id: str
    sha256: str
    tree: bytes
    contents: Contents
    pieces: bytes
    mtimes_ns: tuple[int, ...]
    copied: bool = True

    def held(self, added_at_ms: int) -> HeldFolder:
        """The row that says so."""
        files = tuple(
            FolderFile(file.root, "/".join(file.path), mtime_ns)
            for file, mtime_ns in zip(self.contents.files, self.mtimes_ns, strict=True)
        )
        return HeldFolder(
            self.id, self.recorded, self.contents.size_bytes, self.pieces, added_at_ms, 0, tree=self.tree, files=files
        )


def take_in_folder(
    repository: Repository,
    surveyed: Survey,
    name: str,
    on_progress: OnProgress | None = None,
    held: Callable[[str], HeldFolder | None] | None = None,
) -> TakenFolder:
    """Copy a folder's files into the repository, under one new folder named like `name`, hashing them on the way.

    `held` says which folder has a resource's bytes already: then the copy is dropped. Raises UsageError if a file
    cannot be read or changes meanwhile, StoreError if the disk fails or is full; nothing is kept then.
    """
    files = planned(surveyed)
    with disk_errors(f"{name} cannot be taken into the repository"), _temporary_folder(repository.parts) as temporary:
        pairs = [(surveyed.folder.joinpath(*names), file) for names, file in files]
        copied = list(_copied(temporary, pairs, on_progress))
        contents = Contents([file for file, _pieces, _mtime_ns in copied])
        tree = file_tree.encode(contents.files)
        hashes = file_tree.name_tree(tree)
        pieces = b"".join(pieces for _file, pieces, _mtime_ns in copied)
        mtimes_ns = tuple(mtime_ns for _file, _pieces, mtime_ns in copied)
        known = held(hashes.root) if held else None
        if known is not None and is_whole(repository, known):
            mtimes_ns = tuple(file.mtime_ns for file in known.files)
            path = repository.path_of(known)
            return TakenFolder(
                path, known.path, hashes.root, hashes.sha256, tree, contents, pieces, mtimes_ns, copied=False
            )
        sync_below(temporary)
        path = place(temporary, repository.folder, name, place_new_folder)
        return TakenFolder(path, path.name, hashes.root, hashes.sha256, tree, contents, pieces, mtimes_ns)


def is_whole(repository: Repository, held: HeldFolder) -> bool:
    """Whether all files of a folder are there as they were recorded; looks at each."""
    sizes = [file.size_bytes for file in file_tree.decode(held.tree).files]
    return all(
        is_unchanged(f"{repository.path_of(held)}/{file.path}", size_bytes, file.mtime_ns)
        for size_bytes, file in zip(sizes, held.files, strict=True)
    )


def is_unchanged(path: str | Path, size_bytes: int, mtime_ns: int) -> bool:
    """Whether a regular file of that length and modification time is there."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and (found.st_size, found.st_mtime_ns) == (size_bytes, mtime_ns)


def copy_folder_out(repository: Repository, held: HeldFolder, folder: Path, name: str) -> Path:
    """Copy a held folder to where the person asked for it, under a name like `name`, whole or not at all; the path.

    Raises StoreError, or UsageError where a file of it changes meanwhile.
    """
    source = repository.path_of(held)
    files = file_tree.decode(held.tree).files
    with disk_errors(f"{name} cannot be written to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with _temporary_folder(folder) as temporary:
            pairs = [
                (source / kept.path, File(tuple(kept.path.split("/")), file.root, file.size_bytes))
                for kept, file in zip(held.files, files, strict=True)
            ]
            for _ in _copied(temporary, pairs, None):
                pass
            sync_below(temporary)
            return place(temporary, folder, name, place_new_folder)


def remove_folder(repository: Repository, held: HeldFile) -> None:
    """Delete a held folder from the disk, if it is there. Raises StoreError."""
    path = repository.path_of(held)
    what = f"{held.path} cannot be deleted"
    # It leaves its place in one step, so that a kill leaves no half of it there.
    with disk_errors(what), _temporary_folder(repository.parts) as temporary, suppress(FileNotFoundError):
        path.rename(temporary / "removed")
        sync_folder(path.parent)


def _copied(
    target: Path, pairs: Sequence[tuple[Path, File]], on_progress: OnProgress | None
) -> Iterator[tuple[File, bytes, int]]:
    """Copy files under `target`; each with its root, the hashes of its pieces, and when the copy was last changed."""
    done_bytes = 0
    made: set[Names] = {()}

    def count(more_bytes: int) -> None:
        nonlocal done_bytes
        done_bytes += more_bytes
        if on_progress is not None:
            on_progress(done_bytes)

    for source, file in pairs:
        for depth in range(len(file.path)):
            if file.path[:depth] not in made:
                target.joinpath(*file.path[:depth]).mkdir(mode=0o700)
                made.add(file.path[:depth])
        root, pieces, mtime_ns = _copy(source, "/".join((str(target), *file.path)), file.size_bytes, count)
        yield File(file.path, root, file.size_bytes), pieces, mtime_ns


def _copy(source: Path, target: str, size_bytes: int, count: Callable[[int], None]) -> tuple[str, bytes, int]:
    """Copy and hash one file in one pass. Raises UsageError if it is not as it was surveyed, or changes meanwhile."""
    try:
        reading = os.open(source, os.O_RDONLY | NO_FOLLOW)
    except OSError as error:
        raise UsageError(f"{source} cannot be shared: {error.strerror or error}.") from error
    try:
        before = os.fstat(reading)
        hasher = TreeHasher(size_bytes)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600)
        try:
            while chunk := os.read(reading, CHUNK_BYTES):
                hasher.update(chunk)
                _write(writing, chunk)
                count(len(chunk))
            mtime_ns = os.fstat(writing).st_mtime_ns
        finally:
            os.close(writing)
        after = os.fstat(reading)
        root, pieces = hasher.finish()
    except NotVerifiedError as error:
        raise _changed(source) from error
    finally:
        os.close(reading)
    if not stat.S_ISREG(before.st_mode) or (after.st_size, after.st_mtime_ns) != (size_bytes, before.st_mtime_ns):
        raise _changed(source)
    return root, pieces, mtime_ns


def _write(descriptor: int, data: bytes) -> None:
    """A disk that fills takes less than it is given before it fails."""
    while data:
        data = data[os.write(descriptor, data) :]


def _changed(path: Path) -> UsageError:
    return UsageError(f"{path.name} was being changed while it was read: share the folder again once it is finished.")


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """A 0700 folder in `folder`, removed at the end unless it has been given another name by then."""
    path = Path(tempfile.mkdtemp(dir=folder, prefix=TEMPORARY))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
