"""What this profile holds: which file or folder has which resource's bytes. May import errors only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from academics_jupyter.store.database import Database

MAX_PLACES = 16
"""The same file may lie in many folders; these are enough to find one in which it is unchanged."""

_COLUMNS = "resource, path, size_bytes, pieces, added_at_ms, mtime_ns, tree IS NOT NULL AS is_folder"


class FolderFile(NamedTuple):
    """A file in a held folder: its root, its path below the folder, names parted by `/`, and when it last changed."""

    root: str
    path: str
    mtime_ns: int


class Place(NamedTuple):
    """Where a file lies inside a held folder: the folder's id, and the file's place in the order of its tree."""

    folder: str
    place: int


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A resource's file or folder. `path` is relative to the repository folder, or absolute where it lies elsewhere.

    `pieces` is its BEP 52 piece layer, a folder's the layers of its files in a row; size and modification time tell
    later whether it has been changed. A folder's own modification time says nothing, and is 0.
    """

    resource: str
    path: str
    size_bytes: int
    pieces: bytes
    added_at_ms: int
    mtime_ns: int
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class HeldFolder(HeldFile):
    """A folder with all there is to know of it: the bytes of its file tree, and its files in their order."""

    is_folder: bool = True
    tree: bytes = b""
    files: tuple[FolderFile, ...] = ()


class Files:
    """The files of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, held: HeldFile | HeldFolder) -> None:
        """Keep, or replace, what is held for a resource. Topic "files"."""
        folder = held if isinstance(held, HeldFolder) else None
        with self._database.transaction():
            self._database.execute(
                "INSERT OR REPLACE INTO files (resource, path, size_bytes, pieces, added_at_ms, mtime_ns, tree)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    held.resource,
                    held.path,
                    held.size_bytes,
                    held.pieces,
                    held.added_at_ms,
                    held.mtime_ns,
                    folder.tree if folder else None,
                ),
            )
            self._database.execute("DELETE FROM folder_files WHERE folder = ?", (held.resource,))
            if folder:
                self._database.execute_many(
                    "INSERT INTO folder_files (folder, place, root, path, mtime_ns) VALUES (?, ?, ?, ?, ?)",
                    ((held.resource, place, *file) for place, file in enumerate(folder.files)),
                )
            self._database.changed("files")

    def get(self, resource: str) -> HeldFile | None:
        """The file or folder of a resource; None if it is not held."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM files WHERE resource = ?", (resource,))  # noqa: S608
        return _held(rows[0]) if rows else None

    def folder(self, resource: str) -> HeldFolder | None:
        """The folder of a resource, with its tree and files; None if no folder is held."""
        rows = self._database.read("SELECT * FROM files WHERE resource = ? AND tree IS NOT NULL", (resource,))
        if not rows:
            return None
        files = self._database.read(
            "SELECT root, path, mtime_ns FROM folder_files WHERE folder = ? ORDER BY place", (resource,)
        )
        row = rows[0]
        return HeldFolder(
            resource=row["resource"],
            path=row["path"],
            size_bytes=row["size_bytes"],
            pieces=row["pieces"],
            added_at_ms=row["added_at_ms"],
            mtime_ns=row["mtime_ns"],
            tree=row["tree"],
            files=tuple(FolderFile(*file) for file in files),
        )

    def added_at_ms(self, resource: str) -> int | None:
        """Since when a resource is held; None if it is not. Costs next to nothing."""
        rows = self._database.read("SELECT added_at_ms FROM files WHERE resource = ?", (resource,))
        return int(rows[0][0]) if rows else None

    def inside(self, root: str) -> list[Place]:
        """Where in held folders files with that root lie, MAX_PLACES at most."""
        rows = self._database.read(
            "SELECT folder, place FROM folder_files WHERE root = ? ORDER BY folder, place LIMIT ?", (root, MAX_PLACES)
        )
        return [Place(*row) for row in rows]

    def all(self) -> list[HeldFile]:
        """Everything held, what came last first."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM files ORDER BY added_at_ms DESC, resource")  # noqa: S608
        return [_held(row) for row in rows]

    def remove(self, resource: str) -> None:
        """It is held no longer; what is on the disk is the repository's to remove. Topic "files"."""
        with self._database.transaction():
            self._database.execute("DELETE FROM folder_files WHERE folder = ?", (resource,))
            if self._database.execute("DELETE FROM files WHERE resource = ?", (resource,)):
                self._database.changed("files")


def _held(row: sqlite3.Row) -> HeldFile:
    resource, path, size_bytes, pieces, added_at_ms, mtime_ns, is_folder = row
    return HeldFile(resource, path, size_bytes, pieces, added_at_ms, mtime_ns, bool(is_folder))
