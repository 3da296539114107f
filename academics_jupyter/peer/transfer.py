"""One resource on its way: what the sources that draw it from its holders share. All may be called in any thread.

A source is a holder seen from here, whichever way its bytes come. It asks for a run of pieces, hands over each chunk as
it comes, and leaves when it can give no more. Chunks are hashed and written by an executor's threads while the next
ones come.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from academics_jupyter.errors import NotVerifiedError, RemoteProtocolError, StoreError
from academics_jupyter.protocol.contents import Contents, hash_of
from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data
from academics_jupyter.protocol.scheduling import Schedule
from academics_jupyter.store.downloads import Share
from academics_jupyter.store.files import HeldFile

LOOK_S = 0.25
"""A holder that stalls is noticed by the time that passes, which nothing tells of."""
MAP_CELLS = 120
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

    def finish(self, name: str, added_at_ms: int) -> HeldFile:
        """Put the whole resource into the repository. Raises StoreError."""


def hashing_threads() -> ThreadPoolExecutor:
    """Threads that hash and write: one for each core, for more would only take turns."""
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="academics-hashing")


class Source:
    """One holder, as a transfer sees it. `interrupt` ends whatever waits for its bytes."""

    def __init__(self, holder: str, name: str, interrupt: Callable[[], None]) -> None:
        self.holder, self.name, self.interrupt = holder, name, interrupt
        self.wrong: list[int] = []
        """Pieces from it that did not hold."""
        self.under_way: set[Future[None]] = set()


class Transfer:
    """The pieces of one part, and the sources that bring them."""

    def __init__(self, part: Part, executor: ThreadPoolExecutor) -> None:
        self.part, self.contents = part, part.contents
        self._executor = executor
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
        for future in list(source.under_way):
            future.exception()
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

    def submit(self, source: Source, work: Callable[[], None]) -> Future[None]:
        """Have work on what a source brought done by the hashing threads."""
        future = self._executor.submit(work)
        source.under_way.add(future)
        future.add_done_callback(source.under_way.discard)
        return future

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
            self.part.learn_hashes(hashes, self._executor)
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
        self._left = self._hasher.chunk_count
        self._counting = threading.Lock()

    @property
    def chunk_lengths(self) -> list[int]:
        """The lengths of its chunks, in order."""
        return [self._hasher.chunk_length(chunk) for chunk in range(self._hasher.chunk_count)]

    def came(self, chunk: int, data: Data, release: Callable[[], None]) -> Future[None] | None:
        """Take a chunk; `release` is called once its buffer is free again."""

        def work() -> None:
            try:
                self._take(chunk, data)
            except StoreError as error:
                self._transfer.fail(error)
            except Exception:
                log.exception("a fault of this program on a piece that came")
                self._transfer.fail(StoreError("A fault in this program ended the download; the log says more."))
            finally:
                release()

        if self._hasher.length <= SMALL_BYTES:
            work()
            return None
        return self._transfer.submit(self._source, work)

    def _take(self, chunk: int, data: Data) -> None:
        part = self._transfer.part
        is_long = self._hasher.chunk_count > 1
        if is_long:
            part.write(self._number, chunk * CHUNK_BYTES, data)
        self._hasher.add(chunk, data)
        with self._counting:
            self._left -= 1
            if self._left:
                return
        if self._hasher.finish() != hash_of(self._number, part.hashes):
            name = self._source.name
            if not self._source.wrong:
                log.warning("%s sent a piece that is not the resource's; nothing more is taken from it", name)
            self._source.wrong.append(self._number)
            self._source.interrupt()
            return
        if not is_long:
            part.write(self._number, 0, data)
        self._transfer.got(self._source, self._number)
