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
from pathlib import Path
from typing import Protocol

from academics_jupyter.errors import NotVerifiedError, RemoteProtocolError, StoreError
from academics_jupyter.peer.workers import Workers
from academics_jupyter.protocol.contents import Contents
from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data
from academics_jupyter.protocol.scheduling import Schedule
from academics_jupyter.store.downloads import Share
from academics_jupyter.store.files import HeldFile

LOOK_S = 0.25
"""A holder that stalls is noticed by the time that passes, which nothing tells of."""
MAP_CELLS = 120
LARGE_BYTES = 32 << 20
"""What is shorter has come by the time that a process would have started."""

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
