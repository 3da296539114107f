"""One resource on its way: what the sources that draw it from its holders share. All may be called in any thread.

A source is a holder seen from here, whichever way its bytes come. It asks for a run of pieces, hands over each chunk as
it comes, and leaves when it can give no more. Chunks are hashed and written by others while the next ones come.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

from academics_jupyter.errors import NotVerifiedError, RemoteProtocolError, StoreError
from academics_jupyter.peer.workers import Workers
from academics_jupyter.protocol.contents import Contents, hash_of
from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data
from academics_jupyter.protocol.scheduling import Schedule
from academics_jupyter.store.downloads import Share
from academics_jupyter.store.durable import disk_errors
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.verifier import Order
from academics_jupyter.store.verifying import Slot, VerifierGoneError

LOOK_S = 0.25
"""A holder that stalls is noticed by the time that passes, which nothing tells of."""
MAP_CELLS = 120
LARGE_BYTES = 32 << 20
"""What is shorter has come by the time that a process would have started."""
SMALL_BYTES = 128 << 10
"""Shorter pieces are hashed and written where they come: handing them over would cost more."""

log = logging.getLogger(__name__)


class Part(Protocol):
    """A resource on its way, on the disk."""

    contents: Contents
    hashes: bytes
    missing: set[int]

    def open(self, reserved_bytes: int = 0) -> None:
        """Make or reopen it. Raises StoreError where there is no room beside what is reserved."""

    def close(self) -> None:
        """Let go of it."""

    def learn_hashes(self, hashes: bytes, executor: ThreadPoolExecutor) -> None:
        """Take the hashes of the pieces and see what is there. Raises NotVerifiedError or RemoteProtocolError."""

    def write(self, number: int, offset: int, data: Data) -> None:
        """Write bytes of a piece. Raises StoreError."""

    def place(self, number: int) -> tuple[Path, int]:
        """The file in which a piece's bytes belong, and where in it."""

    def finish(self, name: str, added_at_ms: int) -> HeldFile:
        """Put the whole resource into the repository. Raises StoreError."""


class Source:
    """One holder, as a transfer sees it. `interrupt` ends whatever waits for its bytes."""

    def __init__(self, holder: str, name: str, interrupt: Callable[[], None]) -> None:
        self.holder, self.name, self.interrupt = holder, name, interrupt
        self.wrong: list[int] = []
        """Pieces from it that did not hold."""
        self.under_way: set[Future[None]] = set()

    def wait(self) -> None:
        """Until what came from it so far has been hashed and written."""
        for future in list(self.under_way):
            future.exception()


class Transfer:
    """The pieces of one part, and the sources that bring them."""

    def __init__(self, part: Part, workers: Workers) -> None:
        self.part, self.contents, self.workers = part, part.contents, workers
        self.verifying = workers.verifying() if part.contents.size_bytes >= LARGE_BYTES else None
        self._changed = threading.Condition()
        self._schedule: Schedule | None = None
        self._learning = threading.Lock()
        self._error: StoreError | None = None
        self._ended = False
        if (hashes := self.contents.implied_hashes()) is not None:
            self._begin(hashes)

    @property
    def needs_hashes(self) -> bool:
        """Whether the hashes of the pieces are still to be learnt."""
        return self._schedule is None

    @property
    def error(self) -> StoreError | None:
        """Why the disk takes no more."""
        return self._error

    @property
    def is_complete(self) -> bool:
        """Whether every piece is on the disk and has been verified."""
        return self._schedule is not None and self._schedule.is_complete

    def learn(self, source: Source, hashes: bytes) -> None:
        """Take the hashes of the pieces from a holder. Raises NotVerifiedError where they are wrong."""
        try:
            self._begin(hashes)
        except RemoteProtocolError as error:
            raise NotVerifiedError(f"{source.name} sent a list of pieces that is not the resource's.") from error

    def join(self, source: Source) -> bool:
        """A source is ready; false where it has lied before, or all is over."""
        with self._changed:
            return not self._ended and self._known.joined(source.holder, time.monotonic())

    def leave(self, source: Source) -> bool:
        """A source brings no more; whether it lied. What came from it is hashed and written before this returns."""
        source.wait()
        with self._changed:
            if self._schedule is not None:
                for number in source.wrong:
                    self._schedule.lied(source.holder, number)
                self._schedule.left(source.holder)
            self._changed.notify_all()
        return bool(source.wrong)

    def next_run(self, source: Source, *, wait: bool = True) -> range:
        """The pieces that a source is to bring next, in order; with `wait`, empty only once there will be none."""
        with self._changed:
            while not self._is_over_for(source):
                run = self._known.next_run(source.holder, time.monotonic())
                if run or not wait:
                    return run
                self._changed.wait(LOOK_S)
        return range(0)

    def is_over_for(self, source: Source) -> bool:
        """Whether nothing more will be wanted of a source."""
        with self._changed:
            return self._is_over_for(source)

    def wants(self, source: Source, number: int) -> bool:
        """Whether a source is still to bring a piece of its run."""
        with self._changed:
            return not self._is_over_for(source) and self._known.wants(source.holder, number)

    def piece(self, source: Source, number: int) -> ComingPiece:
        """The piece that a source begins to bring."""
        return ComingPiece(self, source, number)

    def passed(self, source: Source, number: int) -> None:
        """All bytes of a piece have come."""
        with self._changed:
            self._known.passed(source.holder, number, time.monotonic())

    def got(self, source: Source, number: int) -> None:
        """A piece is on the disk, and has been verified."""
        with self._changed:
            if self._known.got(source.holder, number, time.monotonic()) and self._known.is_complete:
                self._changed.notify_all()

    def fail(self, error: StoreError) -> None:
        """The disk takes no more."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more is wanted of any source."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def progress(self) -> tuple[int, float, tuple[Share, ...], str]:
        """How many bytes are there, bytes a second, each holder's share, and the map of the pieces."""
        now_s = time.monotonic()
        with self._changed:
            if self._schedule is None:
                return 0, 0.0, (), ""
            known = self._schedule
            shares = tuple(Share(holder, *given) for holder, given in known.shares(now_s).items())
            done_bytes = self.contents.size_bytes - known.left_bytes
            return done_bytes, known.rate_bytes_s(now_s), shares, known.map(MAP_CELLS)

    @property
    def _known(self) -> Schedule:
        if self._schedule is None:
            raise ValueError("the hashes of the pieces are not known yet")
        return self._schedule

    def _is_over_for(self, source: Source) -> bool:
        return self._ended or self._error is not None or bool(source.wrong) or self._known.is_complete

    def _begin(self, hashes: bytes) -> None:
        """Once; a second list that comes is only checked."""
        with self._learning:
            if self._schedule is not None:
                self.contents.check(hashes)
                return
            self.part.learn_hashes(hashes, self.workers.threads)
            self._schedule = Schedule(
                self.contents.piece_count, self.contents.length, self.part.missing, longest_doubled_bytes=CHUNK_BYTES
            )


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
