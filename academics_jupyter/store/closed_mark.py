"""Whether a database is as it was when its last process closed it, so that it need not be looked through to be opened.

The mark beside it says how large the file was and when it last changed, to a nanosecond that no later change will have
by chance. It counts for nothing while a log or journal lies beside the file, where SQLite has met damage since, and
when the file was last looked through too long ago. May import nothing of the package.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

LOOK_AGAIN_S = 7 * 86_400
"""A disk may spoil a file that nobody has touched."""
_SECOND_NS = 1_000_000_000


def note_closed(path: Path) -> None:
    """Call when a connection has been closed: mark the file, if that was the last one."""
    with suppress(OSError):
        if _has_log(path):
            return
        # Written to again in the same instant as the system counts them, the file would look the same.
        stamp_ns = time.time_ns() - _SECOND_NS - secrets.randbelow(_SECOND_NS)
        os.utime(path, ns=(stamp_ns, stamp_ns))
        _mark(path).write_text(json.dumps({"looked_at_s": _looked_at_s(path) or time.time(), "file": _state(path)}))


def note_looked(path: Path) -> None:
    """It has been looked through, or set aside: what was known of it is void."""
    _mark(path).unlink(missing_ok=True)
    _suspicion(path).unlink(missing_ok=True)


def note_damage(path: Path) -> None:
    """SQLite has met damage in it."""
    with suppress(OSError):
        _suspicion(path).touch()


def is_as_closed(path: Path) -> bool:
    """Whether the file is as it was left, and need not be looked through."""
    try:
        known = json.loads(_mark(path).read_bytes())["file"] == _state(path)
        looked_ago_s = time.time() - _looked_at_s(path)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return known and 0 <= looked_ago_s < LOOK_AGAIN_S and not _has_log(path) and not is_suspect(path)


def is_suspect(path: Path) -> bool:
    """Whether SQLite has met damage since it was last looked through."""
    return _suspicion(path).exists()


def _looked_at_s(path: Path) -> float:
    try:
        return float(json.loads(_mark(path).read_bytes())["looked_at_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _has_log(path: Path) -> bool:
    return any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-journal"))


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".closed")


def _suspicion(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")
