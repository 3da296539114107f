"""A piece that comes from a source: its chunks are hashed and written, and then it is there, or its source has lied."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from academics_jupyter.errors import StoreError
from academics_jupyter.peer.transfer import Source, Transfer
from academics_jupyter.protocol.contents import hash_of
from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data
from academics_jupyter.store.durable import disk_errors
from academics_jupyter.store.verifier import Order
from academics_jupyter.store.verifying import Slot, VerifierGoneError

SMALL_BYTES = 128 << 10
"""Shorter pieces are hashed and written where they come: handing them over would cost more."""

log = logging.getLogger(__name__)


class ComingPiece:
    """A piece that a source brings, chunk by chunk.

    Of one chunk, it is verified before it is written: another source may bring it too. Longer ones are written first,
    for a machine's memory may not hold them; only one source at a time brings such a piece.
    """

    def __init__(self, transfer: Transfer, source: Source, number: int) -> None:
        self._transfer, self._source, self._number = transfer, source, number
        self._hasher = transfer.contents.hasher(number)
        self._expected = hash_of(number, transfer.part.hashes)
        self._left = self._hasher.chunk_count
        self._counting = threading.Lock()

    @property
    def chunk_lengths(self) -> list[int]:
        """The lengths of its chunks, in order."""
        return [self._hasher.chunk_length(chunk) for chunk in range(self._hasher.chunk_count)]

    def came(
        self, chunk: int, data: Data, release: Callable[[], None], slot: Slot | None = None
    ) -> Future[None] | None:
        """Take a chunk, which may lie in a slot; `release` is called once its memory is free again."""
        done: Future[None] = Future()
        if self._hasher.length <= SMALL_BYTES:
            self._work(partial(self._take, chunk, data), release, done)
            return None
        self._source.under_way.add(done)
        done.add_done_callback(self._source.under_way.discard)
        if slot is None or self._transfer.verifying is None:
            self._transfer.workers.threads.submit(self._work, partial(self._take, chunk, data), release, done)
        else:
            answer = self._transfer.verifying.submit(self._order(chunk, slot, len(data)))
            answer.add_done_callback(partial(self._answered, chunk, data, release, done))
        return done

    def _order(self, chunk: int, slot: Slot, length: int) -> Order:
        contents, piece = self._transfer.contents, self._transfer.contents.piece(self._number)
        path, start = self._transfer.part.place(self._number)
        return Order(
            slot=slot.number,
            length=length,
            path=str(path),
            offset=start + chunk * CHUNK_BYTES,
            size_bytes=contents.files[piece.file].size_bytes,
            index=piece.index,
            chunk=chunk,
            expected=self._expected,
        )

    def _answered(
        self, chunk: int, data: Data, release: Callable[[], None], done: Future[None], answer: Future[bytes]
    ) -> None:
        """The process has hashed a chunk, and written it where it should."""
        error = answer.exception()
        if isinstance(error, VerifierGoneError):
            self._transfer.workers.threads.submit(self._work, partial(self._take, chunk, data), release, done)
        else:
            self._work(partial(self._settle_answer, chunk, answer), release, done)

    def _work(self, work: Callable[[], None], release: Callable[[], None], done: Future[None]) -> None:
        try:
            work()
        except StoreError as error:
            self._transfer.fail(error)
        except Exception:
            log.exception("a fault of this program on a piece that came")
            self._transfer.fail(StoreError("A fault in this program ended the download; the log says more."))
        finally:
            release()
            done.set_result(None)

    def _take(self, chunk: int, data: Data) -> None:
        """Hash and write a chunk in this thread."""
        part, is_long = self._transfer.part, self._hasher.chunk_count > 1
        if is_long:
            part.write(self._number, chunk * CHUNK_BYTES, data)
        root = self._hasher.hash_of(chunk, data)
        if not is_long and root == self._expected:
            part.write(self._number, 0, data)
        self._settle(chunk, root)

    def _settle_answer(self, chunk: int, answer: Future[bytes]) -> None:
        with disk_errors("The download cannot be written"):
            root = answer.result()
        self._settle(chunk, root)

    def _settle(self, chunk: int, root: bytes) -> None:
        """A chunk has been hashed and, unless it is wrong, written."""
        self._hasher.put(chunk, root)
        with self._counting:
            self._left -= 1
            if self._left:
                return
        if self._hasher.finish() == self._expected:
            self._transfer.got(self._source, self._number)
            return
        if not self._source.wrong:
            log.warning("%s sent a piece that is not the resource's; nothing more is taken from it", self._source.name)
        self._source.wrong.append(self._number)
        self._source.interrupt()
