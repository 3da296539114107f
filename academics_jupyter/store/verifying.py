"""Has a process of its own hash and write the chunks of large downloads, in memory that both share.

In one process with the threads that receive them, they would take turns for the interpreter's lock 130,000 times a
gigabyte, which costs as much as the work itself; and cells would wait for it too. Where the system shares no memory in
this way, threads do it.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import msgspec

from academics_jupyter.protocol.merkle import CHUNK_BYTES
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.verifier import Answer, Order, read_message, write_message

SLOTS = 32
END_TIMEOUT_S = 5.0

_PACKAGE_FOLDER = Path(__file__).parents[2]

log = logging.getLogger(__name__)


class VerifierGoneError(Exception):
    """The process has ended; the chunk is still in its slot."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Memory for one chunk."""

    number: int
    memory: memoryview


class Verifying:
    """The process, for as long as it lives. Its methods may be called in any thread."""

    def __init__(self) -> None:
        """Raises OSError where it cannot be started."""
        if not hasattr(os, "memfd_create"):
            raise OSError("this system has no memory without a name")
        descriptor = os.memfd_create("academics-chunks")
        try:
            os.ftruncate(descriptor, SLOTS * CHUNK_BYTES)
            self._memory = memoryview(mmap.mmap(descriptor, SLOTS * CHUNK_BYTES))
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "academics_jupyter.store.verifier", str(descriptor), str(SLOTS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[descriptor],
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_PACKAGE_FOLDER), *filter(None, sys.path)])},
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._slots: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for number in range(SLOTS):
            start = number * CHUNK_BYTES
            self._slots.put(Slot(number, self._memory[start : start + CHUNK_BYTES]))
        self._waiting: dict[int, Future[bytes]] = {}
        self._sending = threading.Lock()
        self._is_gone = False
        self._reader = threading.Thread(target=self._read, name="academics-verified", daemon=True)
        self._reader.start()

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return self._is_gone

    def take(self) -> Slot | None:
        """A free slot, to be given back; None where there is none now."""
        try:
            return self._slots.get_nowait()
        except queue.Empty:
            return None

    def give_back(self, slot: Slot) -> None:
        """A slot is no longer needed."""
        self._slots.put(slot)

    def submit(self, order: Order) -> Future[bytes]:
        """Have an order carried out: the chunk's hash. It fails with OSError or VerifierGoneError."""
        future: Future[bytes] = Future()
        with self._sending:
            self._waiting[order.slot] = future
            try:
                if self._is_gone or self._process.stdin is None:
                    raise BrokenPipeError
                write_message(self._process.stdin, msgspec.msgpack.encode(order))
            except OSError:
                del self._waiting[order.slot]
                future.set_exception(VerifierGoneError())
        return future

    def close(self) -> None:
        """End the process, once it has carried out what it was told."""
        with self._sending, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(END_TIMEOUT_S)

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        with self._process.stdout as answers, contextlib.suppress(OSError, msgspec.DecodeError):
            while message := read_message(answers):
                answer = msgspec.msgpack.decode(message, type=prepared(Answer))
                with self._sending:
                    future = self._waiting.pop(answer.slot)
                if answer.errno:
                    future.set_exception(OSError(answer.errno, os.strerror(answer.errno)))
                else:
                    future.set_result(answer.root)
        with self._sending:
            self._is_gone = True
            left, self._waiting = list(self._waiting.values()), {}
        for future in left:
            future.set_exception(VerifierGoneError())
