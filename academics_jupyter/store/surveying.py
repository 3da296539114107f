"""What of a folder is shared: a look through it before anything is copied. May import protocol and errors only.

Regular files count. Links, FIFOs and devices are left out, as what they stand for was not meant to be shared; so are
names that begin with a dot, as tools and systems keep their own things under them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from academics_jupyter.errors import RemoteProtocolError, UsageError
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import Contents, File
from academics_jupyter.protocol.merkle import EMPTY_ROOT
from academics_jupyter.protocol.records import MAX_FILES

Names = tuple[str, ...]
_ANY_ROOT = "f" * 64


@dataclass(frozen=True, slots=True)
class Survey:
    """What of a folder is to be shared: for each file its names below it and its length; how much is left out."""

    folder: Path
    files: tuple[tuple[Names, int], ...]
    left_out: int = 0

    @property
    def size_bytes(self) -> int:
        """The length of all files together."""
        return sum(size_bytes for _, size_bytes in self.files)


def survey(folder: Path, only: Iterable[Path] | None = None) -> Survey:
    """Look through a folder, or at `only` those files, given by their paths in it.

    Raises UsageError where there is nothing to share.
    """
    try:
        found = _all_below(folder) if only is None else [_looked_at(folder, path) for path in only]
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} cannot be shared: {getattr(error, 'strerror', None) or error}.") from error
    files = [each for each in found if each is not None]
    if not files:
        raise UsageError(f"{folder.name} has no files to share: links and hidden files are left out.")
    if len(files) > MAX_FILES:
        raise UsageError(f"{folder.name} has {len(files):,} files: share {MAX_FILES:,} at most, or pack them first.")
    return Survey(folder, tuple(files), len(found) - len(files))


def _all_below(folder: Path) -> list[tuple[Names, int] | None]:
    """The files below a folder, and None for each thing that is left out."""
    found: list[tuple[Names, int] | None] = []
    folders: list[tuple[str, Names]] = [(str(folder), ())]
    while folders:
        path, above = folders.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                names = (*above, entry.name)
                if entry.name.startswith(".") or entry.is_symlink():
                    found.append(None)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, names))
                elif entry.is_file(follow_symlinks=False):
                    found.append((names, entry.stat(follow_symlinks=False).st_size))
                else:
                    found.append(None)
    return found


def _looked_at(folder: Path, path: Path) -> tuple[Names, int] | None:
    status = (folder / path).lstat()
    return (path.parts, status.st_size) if stat.S_ISREG(status.st_mode) else None


def planned(surveyed: Survey) -> list[tuple[Names, File]]:
    """For each file its names, and those under which it is shared, in the order of the tree; roots are not known yet.

    Raises UsageError where the folder has more than a file tree takes.
    """
    spelled = sorted((_spelled(names), size_bytes, names) for names, size_bytes in surveyed.files)
    contents = Contents([File(names, _ANY_ROOT if size else EMPTY_ROOT, size) for names, size, _ in spelled])
    if len({file.path for file in contents.files}) < len(spelled):
        raise UsageError(
            f"{surveyed.folder.name} has files with names that other systems cannot tell apart: rename them."
        )
    safe = [
        File(path, file.root, file.size_bytes)
        for path, file in zip(file_tree.local_paths(contents), contents.files, strict=True)
    ]
    try:
        file_tree.decode(file_tree.encode(safe))
    except RemoteProtocolError as error:
        raise UsageError(f"{surveyed.folder.name} cannot be shared as it is: {error}.") from error
    named = zip((names for _, _, names in spelled), safe, strict=True)
    return sorted(named, key=lambda each: [name.encode() for name in each[1].path])


def _spelled(names: Names) -> Names:
    """Names as text: bytes that are none, which Linux takes too, are replaced."""
    return tuple(os.fsencode(name).decode(errors="replace") for name in names)
