"""What a promise to keep messages costs at least: a signature, and a page that is on disk; for bare contenders."""

from __future__ import annotations

import os
from pathlib import Path

from nacl.signing import SigningKey

from academics_jupyter.protocol.identity import peer_id, sign, verifies


def opened(path: Path | str) -> int:
    """A file to keep pages in."""
    return os.open(path, os.O_WRONLY | os.O_CREAT)


def write(file: int) -> None:
    """A page to a file's beginning, so that it lasts; as a store writes to a log that it has long had."""
    os.pwrite(file, bytes(4096), 0)
    os.fdatasync(file)


def sign_and_write(key: SigningKey, file: int, text: str) -> dict[str, str]:
    """What an author does; the message to send."""
    signature = sign(key, text.encode())
    write(file)
    return {"author": peer_id(key), "text": text, "signature": signature}


def check_and_write(file: int, message: dict[str, str]) -> None:
    """What a reader does."""
    assert verifies(message["author"], message["text"].encode(), message["signature"])
    write(file)
