"""The search index on disk: one sealed file beside the store. May import errors and `durable` only.

    "academics search 1\\n"   last, size (8 bytes each, big-endian)   16 random bytes   then for each PORTION_BYTES:
    nonce, 24 bytes   ciphertext

XChaCha20-Poly1305 under the profile's data key; with all that stands before the portions and its own number as
associated data, a portion opens only as what it is, where it is. `last` is the number of the last message in the index,
which lets an older snapshot not replace a newer one; `size` is the image's. Portions spare the memory, and so the time,
that sealing and opening it whole would take. The file is only a shortcut: without it the index is made anew.
"""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from academics_jupyter.store.durable import disk_errors, keep_room, sync_file, sync_folder, temporary_file

LEFT_OVER_S = 3_600
"""What a killed process was writing is removed once it is older."""
PORTION_BYTES = 1 << 18
_SEALED_BYTES = PORTION_BYTES + Aead.NONCE_SIZE + Aead.MACBYTES
_MAGIC = b"academics search 1\n"
_LAST = slice(len(_MAGIC), len(_MAGIC) + 8)
_SIZE = slice(_LAST.stop, _LAST.stop + 8)
_HEADER_BYTES = _SIZE.stop + 16

log = logging.getLogger(__name__)


class SearchSnapshot:
    """The snapshot of one profile at `path`, sealed with its data key of 32 bytes."""

    def __init__(self, path: Path, data_key: bytes) -> None:
        self._path = path
        self._aead = Aead(data_key)

    def read(self) -> bytes:
        """The image that was written last; empty where there is none. A damaged one is removed."""
        try:
            with self._path.open("rb") as file:
                return self._opened(file)
        except (CryptoError, ValueError):
            self.discard("is damaged")
            return b""
        except FileNotFoundError:
            return b""
        except OSError as error:
            log.warning("The search index %s cannot be read and is made anew: %s", self._path.name, error)
            return b""

    def write(self, image: bytes, last: int) -> None:
        """Replace the snapshot, unless a newer one is there. Raises StoreError."""
        if self.last() > last:
            return
        header = _MAGIC + last.to_bytes(8, "big") + len(image).to_bytes(8, "big") + secrets.token_bytes(16)
        with disk_errors("The search index cannot be saved"):
            self._remove_left_overs()
            with temporary_file(self._path.parent, f".{self._path.name}-") as (file, temporary):
                file.write(header)
                for number, start in enumerate(range(0, len(image), PORTION_BYTES)):
                    file.write(self._aead.encrypt(image[start : start + PORTION_BYTES], _bound(header, number)))
                sync_file(file)
                keep_room(file.fileno())
                temporary.replace(self._path)
            sync_folder(self._path.parent)

    def last(self) -> int:
        """The number of the last message in the snapshot, as it says itself; 0 where there is none."""
        with suppress(OSError), self._path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if header.startswith(_MAGIC):
                return int.from_bytes(header[_LAST], "big")
        return 0

    def discard(self, reason: str) -> None:
        """Remove the snapshot: it is of no use."""
        log.warning("The search index %s %s and is made anew", self._path.name, reason)
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _opened(self, file: BinaryIO) -> bytes:
        """Raises CryptoError and ValueError where it is damaged, and OSError."""
        header = file.read(_HEADER_BYTES)
        if not header.startswith(_MAGIC):
            raise ValueError("not a search index")
        sealed = iter(lambda: file.read(_SEALED_BYTES), b"")
        image = b"".join(self._aead.decrypt(each, _bound(header, number)) for number, each in enumerate(sealed))
        if len(image) != int.from_bytes(header[_SIZE], "big"):
            raise ValueError("a search index that was cut")
        return image

    def _remove_left_overs(self) -> None:
        for path in self._path.parent.glob(f".{self._path.name}-*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_OVER_S:
                    path.unlink()


def _bound(header: bytes, number: int) -> bytes:
    return header + number.to_bytes(4, "big")
