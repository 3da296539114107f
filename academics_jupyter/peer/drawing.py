"""Drawing one resource's pieces from one holder: over HTTPS in a thread, or over the link on the loop."""

from __future__ import annotations

import asyncio
import queue
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from academics_jupyter.network.link_reader import LinkReader
from academics_jupyter.network.range_client import Body, RangeReader
from academics_jupyter.peer.coming import ComingPiece
from academics_jupyter.peer.transfer import LOOK_S, Source, Transfer
from academics_jupyter.protocol.merkle import CHUNK_BYTES
from academics_jupyter.store.verifying import Slot

BUFFERS = 6
"""Chunks that may wait, for each holder, until they are hashed and written."""
OWN_BUFFERS = 3
"""The same in memory that is not shared with the process that verifies."""


@dataclass(frozen=True, slots=True)
class _Buffer:
    """Memory for a chunk, which may be shared with the process that verifies."""

    memory: memoryview
    slot: Slot | None


class HttpsDrawing:
    """Draws from a holder's server, in one thread; `interrupt` may be called in any."""

    def __init__(self, transfer: Transfer, source: Source, reader: RangeReader) -> None:
        self._transfer, self._source, self._reader = transfer, source, reader
        self._buffers: queue.SimpleQueue[_Buffer] = queue.SimpleQueue()
        self._made: list[_Buffer] = []

    def run(self) -> None:
        """Bring pieces until no more are wanted.

        Raises PeerUnreachableError, PeerRefusedError or NotVerifiedError.
        """
        try:
            with self._reader as reader:
                self._draw(reader)
        finally:
            self._source.wait()
            for buffer in self._made:
                self._give_back(buffer)

    def _draw(self, reader: RangeReader) -> None:
        transfer, source = self._transfer, self._source
        if transfer.needs_hashes:
            transfer.learn(source, reader.whole("pieces", transfer.contents.hashes_bytes))
        if not transfer.join(source):
            return
        while run := transfer.next_run(source):
            start, end = transfer.contents.span(run[0])[0], transfer.contents.span(run[-1])[1]
            with reader.read(start, end) as body:
                for number in run:
                    if not transfer.wants(source, number):
                        break
                    self._bring(body, number)

    def _bring(self, body: Body, number: int) -> None:
        piece = ComingPiece(self._transfer, self._source, number)
        for chunk, length in enumerate(piece.chunk_lengths):
            buffer = self._buffer()
            data = buffer.memory[:length]
            try:
                body.read_into(data)
            except BaseException:
                self._buffers.put(buffer)
                raise
            piece.came(chunk, data, partial(self._buffers.put, buffer), buffer.slot)
        self._transfer.passed(self._source, number)

    def _buffer(self) -> _Buffer:
        """A free one; while all wait to be verified, the holder waits too."""
        if len(self._made) < BUFFERS and self._buffers.empty():
            verifying = self._transfer.verifying
            slot = verifying.take() if verifying is not None else None
            if slot is not None or len(self._made) < OWN_BUFFERS:
                memory = slot.memory if slot is not None else memoryview(bytearray(CHUNK_BYTES))
                self._made.append(_Buffer(memory, slot))
                return self._made[-1]
        return self._buffers.get()

    def _give_back(self, buffer: _Buffer) -> None:
        if buffer.slot is not None and self._transfer.verifying is not None:
            self._transfer.verifying.give_back(buffer.slot)


class LinkDrawing:
    """Draws from a holder that cannot be reached, over the link that it has made."""

    def __init__(self, transfer: Transfer, source: Source, reader: LinkReader) -> None:
        self._transfer, self._source, self._reader = transfer, source, reader

    async def run(self) -> None:
        """Bring pieces until no more are wanted. Raises as `HttpsDrawing.run`."""
        transfer, source = self._transfer, self._source
        if transfer.needs_hashes:
            hashes = await self._reader.whole("pieces", transfer.contents.hashes_bytes)
            await asyncio.to_thread(transfer.learn, source, hashes)
        if not transfer.join(source):
            return
        while not transfer.is_over_for(source):
            if run := transfer.next_run(source, wait=False):
                await self._bring(run)
            else:
                await asyncio.sleep(LOOK_S)

    async def _bring(self, run: range) -> None:
        pieces = [ComingPiece(self._transfer, self._source, number) for number in run]
        spans = [span for number, piece in zip(run, pieces, strict=True) for span in self._chunk_spans(number, piece)]
        async with aclosing(self._reader.read(spans)) as chunks:
            for number, piece in zip(run, pieces, strict=True):
                for chunk in range(len(piece.chunk_lengths)):
                    if not self._transfer.wants(self._source, number):
                        return
                    data = await anext(chunks)
                    if (taking := piece.came(chunk, data, lambda: None)) is not None:
                        await asyncio.wrap_future(taking)
                self._transfer.passed(self._source, number)

    def _chunk_spans(self, number: int, piece: ComingPiece) -> list[tuple[int, int]]:
        start = self._transfer.contents.span(number)[0]
        lengths = enumerate(piece.chunk_lengths)
        return [(start + chunk * CHUNK_BYTES, start + chunk * CHUNK_BYTES + length) for chunk, length in lengths]
