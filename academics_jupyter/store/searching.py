"""Searching the messages: opens the index at the first search, keeps it current, saves it. May import errors only.

| the snapshot          | what happens at the first search                                          |
| --------------------- | ------------------------------------------------------------------------- |
| of this store         | what came since, and what it changed, is read from the messages and added |
| missing, damaged, or  | the index is made anew by a thread, the newest messages first; searches   |
| of another store      | meanwhile find what is in it, and say how many messages are not           |

Each process has its own index; whatever any process writes is a row of the messages with a higher number, so each
search first reads on from the last one it knows. A thread saves a snapshot when SAVE_AFTER messages are not in one, so
that reading on stays short; `close` saves at the end.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from academics_jupyter.errors import StoreError
from academics_jupyter.store.search_index import IMAGES, SearchIndex, Span
from academics_jupyter.store.search_snapshot import SearchSnapshot

SAVE_AFTER = 250
SAVE_AT_END_AFTER = 50
"""In messages: fewer than these are read again sooner than a snapshot is written."""
AT_ONCE = 1_000
"""A search itself adds this many messages, in well under 100 ms; more are the thread's."""
PATIENCE_S = 0.5
"""How long a search waits for the thread before it says that messages are missing."""
_PORTION = 250
"""How many the thread adds before it lets a search in."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchRow:
    """A row of the messages: `subject` is the number of the message whose text it gives or changes, 0 for none.

    `text` is what the subject says now, edits applied; "" where it is withdrawn or cannot be read.
    """

    number: int
    id: str
    subject: int = 0
    conversation: str = ""
    text: str = ""


class SearchSource(Protocol):
    """Where the messages come from. Rows get ever higher numbers, from 1, and are never removed.

    A change that came before the message it is about has no subject; the message then says it when it comes.
    """

    def rows_after(self, number: int, limit: int) -> Sequence[SearchRow]:
        """The `limit` rows with the lowest numbers above `number`, in order."""

    def rows_before(self, number: int, limit: int) -> Sequence[SearchRow]:
        """The `limit` rows with the highest numbers below `number`, in order."""

    def newest(self) -> int:
        """The highest number, 0 where there is none."""

    def id_of(self, number: int) -> str:
        """The id of the message in a row, "" where there is none."""


@dataclass(frozen=True, slots=True)
class Found:
    """The numbers of the messages that were found, newest first, and about how many are `missing` in the index yet."""

    numbers: list[int]
    missing: int = 0


class Searching:
    """The search of one process. Any thread may use it; not the event loop, which the disk would stop."""

    def __init__(self, snapshot: SearchSnapshot, source: SearchSource) -> None:
        self._snapshot = snapshot
        self._source = source
        self._index: SearchIndex | None = None
        self._unsaved = 0
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._pid = os.getpid()

    def find(self, words: str, conversation: str | None = None, limit: int = 50) -> Found:
        """The newest `limit` messages with all of `words`, in one conversation or all (see `SearchIndex.find`).

        Raises StoreError.
        """
        self._check()
        with self._lock:
            index = self._opened()
            self._go_on(index, AT_ONCE)
            missing = self._missing(index.span)
            thread = self._work(missing)
        if thread is not None and missing:
            thread.join(PATIENCE_S)
        with self._lock:
            index = self._opened()
            return Found(index.find(words, conversation, limit), self._missing(index.span))

    def keep_up(self) -> None:
        """Have the thread bring index and snapshot up to date where SAVE_AFTER messages came since; cheap otherwise.

        For the driver, so that a first search after months of none has little to read. Raises StoreError.
        """
        self._check()
        with self._lock:
            last = self._index.span.last if self._index is not None else self._snapshot.last()
            if self._source.newest() - last >= SAVE_AFTER:
                self._work(self._missing(self._opened().span))

    def close(self) -> None:
        """Save what is worth it and forget the index. Safe to repeat; does nothing in a forked child."""
        if self._pid != os.getpid():
            return
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            if self._index is None:
                return
            if IMAGES and self._unsaved >= SAVE_AT_END_AFTER:
                self._save(*self._image(self._index))
            self._index.close()
            self._index = None

    def _check(self) -> None:
        if self._stop.is_set() or self._pid != os.getpid():
            raise StoreError("The profile's store is closed.")

    def _opened(self) -> SearchIndex:
        self._check()
        if self._index is None:
            self._index = self._restored() or SearchIndex()
        return self._index

    def _restored(self) -> SearchIndex | None:
        image = self._snapshot.read() if IMAGES else b""
        if not image:
            return None
        try:
            index = SearchIndex(image)
        except ValueError:
            self._snapshot.discard("is damaged")
            return None
        if index.span.last_id == self._source.id_of(index.span.last):
            return index
        # The store was made anew, or brought back from a backup.
        index.close()
        self._snapshot.discard("is of another store")
        return None

    def _missing(self, span: Span) -> int:
        return self._source.newest() - span.last + max(0, span.first - 1)

    def _go_on(self, index: SearchIndex, limit: int) -> bool:
        """Add up to `limit` messages: what came, then what was before; false where there is no more."""
        span = index.span
        if rows := self._source.rows_after(span.last, limit) if span.last else self._source.rows_before(1 << 62, limit):
            covered = Span(span.first or rows[0].number, rows[-1].number, rows[-1].id)
        elif rows := self._source.rows_before(span.first, limit):
            covered = Span(rows[0].number, span.last, span.last_id)
        elif span.first > 1:
            covered = Span(1, span.last, span.last_id)
        else:
            return False
        with index.transaction():
            for row in rows:
                # What changes another row of these, or one that is still to be read, is known once that is read.
                if row.subject and (row.subject == row.number or span.first <= row.subject <= span.last):
                    _take(index, row)
            index.cover(covered)
        self._unsaved += len(rows)
        return True

    def _work(self, missing: int) -> threading.Thread | None:
        """The thread that makes and saves the index, where there is something for it to do."""
        if self._thread is not None and self._thread.is_alive():
            return self._thread
        self._thread = None
        if missing or (IMAGES and self._unsaved >= SAVE_AFTER):
            self._thread = threading.Thread(target=self._make, name="academics-search", daemon=True)
            self._thread.start()
        return self._thread

    def _make(self) -> None:
        try:
            while not self._stop.is_set():
                with self._lock:
                    if self._index is None or not self._go_on(self._index, _PORTION):
                        break
                self._stop.wait(0.001)  # or the lock would never be another thread's
            with self._lock:
                if self._index is None or self._stop.is_set() or not IMAGES or self._unsaved < SAVE_AFTER:
                    return
                image, span, count = self._image(self._index)
            self._save(image, span, count)
        except StoreError as error:
            log.warning("The search index is not whole: %s", error)

    def _image(self, index: SearchIndex) -> tuple[bytes, Span, int]:
        """What is to be saved, up to where it goes, and how many messages no snapshot has."""
        span, count = index.span, self._unsaved
        if count > span.last // 10:
            index.tidy()
        return index.image(), span, count

    def _save(self, image: bytes, span: Span, count: int) -> None:
        try:
            self._snapshot.write(image, span.last)
        except StoreError as error:
            log.warning("%s", error)
            return
        with self._lock:
            self._unsaved -= count


def _take(index: SearchIndex, row: SearchRow) -> None:
    """Have the index say of a row's subject what that says now."""
    if row.subject == row.number:
        index.add(row.subject, row.conversation, row.text)
    elif row.text:
        index.change(row.subject, row.conversation, row.text)
    else:
        index.remove(row.subject)
