"""The folders of the machine that the kernel runs on, for choosing what to share."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from academics_jupyter.errors import UnknownTargetError

MOST_ENTRIES = 1_000


def look_into(path: str) -> dict[str, Any]:
    """A folder as the browser draws it: its files and folders by name, folders first; of a file, the folder around it.

    Left out is what cannot be shared with a folder either: links, hidden names, and what is neither file nor folder.
    Raises UnknownTargetError where it is not there, and OSError where it may not be read.
    """
    chosen = Path(os.path.expanduser(path.strip()) or ".")  # noqa: PTH111  Path.expanduser raises without a home
    try:
        chosen = chosen.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise UnknownTargetError(f"There is no {path!r} on the server: check the name.") from error
    folder = chosen if chosen.is_dir() else chosen.parent
    with os.scandir(folder) as found:
        entries = [row for entry in found if (row := _row(entry)) is not None]
    entries.sort(key=lambda row: (not row["folder"], row["name"].casefold()))
    return {
        "path": str(folder),
        "above": "" if folder.parent == folder else str(folder.parent),
        "name": folder.name or str(folder),
        "entries": entries[:MOST_ENTRIES],
        "more": max(len(entries) - MOST_ENTRIES, 0),
        "chosen": "" if chosen == folder else chosen.name,
    }


def _row(entry: os.DirEntry[str]) -> dict[str, Any] | None:
    try:
        if entry.name.startswith(".") or entry.is_symlink():
            return None
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    is_folder = stat.S_ISDIR(found.st_mode)
    if not is_folder and not stat.S_ISREG(found.st_mode):
        return None
    # What is no text on Linux cannot go to the browser as it is, and be asked for again.
    if entry.name.encode(errors="replace").decode() != entry.name:
        return None
    return {"name": entry.name, "folder": is_folder, "size_bytes": 0 if is_folder else found.st_size}
