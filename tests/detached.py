"""The processes that `%academics detach` has started, found by the log that they keep in their profile's folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


def detached_below(folder: Path) -> list[int]:
    """Those that serve a profile somewhere below `folder`."""
    return [process.pid for process in psutil.process_iter() if _serves_below(process, folder)]


@contextmanager
def none_left_below(folder: Path) -> Iterator[None]:
    """However the context ends, no such process outlives it."""
    try:
        yield
    finally:
        for pid in detached_below(folder):
            os.kill(pid, signal.SIGKILL)


def _serves_below(process: psutil.Process, folder: Path) -> bool:
    try:
        return "--detached" in process.cmdline() and any(
            Path(file.path).is_relative_to(folder) for file in process.open_files()
        )
    except psutil.Error:
        return False
