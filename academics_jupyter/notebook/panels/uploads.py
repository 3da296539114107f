"""Files on their way from the browser to the kernel, in chunks that are acknowledged one by one.

`begin` makes a folder of the upload's own, `take` appends a chunk, `finish` gives the whole file, `drop` removes all.
A chunk that comes twice counts once; one that would leave a gap, or go beyond the size that was named, is refused.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from academics_jupyter.errors import StoreError, UsageError
from academics_jupyter.protocol.names import safe_file_name

PREFIX = "upload-"
LEFTOVER_S = 86_400
"""A folder as old as this is one that a killed kernel left."""

_CREATE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(slots=True)
class Upload:
    """One file on its way."""

    path: Path
    size_bytes: int
    file: FileIO
    received_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Uploads:
    """The uploads of one panel. Its methods block on the disk: call them off the loop."""

    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}

    def begin(self, key: str, name: str, size_bytes: int, parts: Path) -> None:
        """Make room for a file in the folder `parts`. Raises StoreError if it cannot fit, OSError from the disk."""
        self.drop(key)
        free_bytes = shutil.disk_usage(parts).free
        if size_bytes > free_bytes:
            raise StoreError(f"{name} has {size_bytes:,} bytes and the disk of your profile has {free_bytes:,} left.")
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parts)) / safe_file_name(name)
        self._uploads[key] = Upload(path, size_bytes, FileIO(path, "wb", opener=_create))

    def take(self, key: str, offset_bytes: int, chunk: bytes | memoryview) -> int:
        """Append a chunk; how many bytes are there now. Raises UsageError or OSError, and nothing changes then."""
        upload = self._known(key)
        with upload.lock:
            if offset_bytes < upload.received_bytes:
                return upload.received_bytes
            if offset_bytes > upload.received_bytes or offset_bytes + len(chunk) > upload.size_bytes:
                raise UsageError(f"{upload.path.name} did not come as it was announced: share it again.")
            self._check_running(key, upload)
            _write(upload, chunk)
            return upload.received_bytes

    def finish(self, key: str) -> Path:
        """Close the file; where it lies until `drop`. Raises UsageError if it is not whole."""
        upload = self._known(key)
        with upload.lock:
            self._check_running(key, upload)
            if upload.received_bytes != upload.size_bytes:
                raise UsageError(f"{upload.path.name} did not come whole: share it again.")
            upload.file.close()
            return upload.path

    def cancel(self, key: str) -> Upload | None:
        """Take nothing more of an upload, from now on; what came of it is there until `remove`. Does not block."""
        return self._uploads.pop(key, None)

    def drop(self, key: str) -> None:
        """Forget an upload and remove what came of it. Safe to repeat."""
        self.remove(self.cancel(key))

    def remove(self, upload: Upload | None) -> None:
        """Remove what came of a cancelled upload."""
        if upload is not None:
            with upload.lock:
                upload.file.close()
                shutil.rmtree(upload.path.parent, ignore_errors=True)

    def drop_all(self) -> None:
        """Forget all of them."""
        for key in list(self._uploads):
            self.drop(key)

    def sweep(self, parts: Path) -> None:
        """Take away what killed kernels left."""
        for folder in parts.glob(f"{PREFIX}*"):
            if folder.lstat().st_mtime < time.time() - LEFTOVER_S:
                shutil.rmtree(folder, ignore_errors=True)

    def _known(self, key: str) -> Upload:
        upload = self._uploads.get(key)
        if upload is None:
            raise UsageError("That upload was cancelled: share the file again.")
        return upload

    def _check_running(self, key: str, upload: Upload) -> None:
        """It may have been dropped while its lock was waited for."""
        if self._uploads.get(key) is not upload or upload.file.closed:
            raise UsageError("That upload was cancelled: share the file again.")


def _create(path: str, _flags: int) -> int:
    return os.open(path, _CREATE, 0o600)


def _write(upload: Upload, chunk: bytes | memoryview) -> None:
    """Append after what is known to be there: an attempt that the disk cut short is written over."""
    rest = memoryview(chunk)
    upload.file.seek(upload.received_bytes)
    while rest:
        written = upload.file.write(rest) or 0
        upload.received_bytes += written
        rest = rest[written:]
