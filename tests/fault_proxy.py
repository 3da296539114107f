"""A TCP proxy that does to connections what bad networks do, in front of a mongod or of a peer's server.

It runs in a thread of its own and keeps its port in every mode. A mode holds once the call that sets it has returned.

| mode | connections that there are | new ones |
| --- | --- | --- |
| `carry` | carried: late, slowly or with flipped bits where asked for | carried |
| `refuse` | carried as they were | refused: the port is closed |
| `stall` | nothing gets through, not even their end; the next mode goes on with what was held | the same |
| `hang` | bytes are swallowed, and the next mode resets those that lost any | the same; no target is dialled |
| `reset` | end with RST on both sides | the same |
| `half_close` | the client is told of the end (FIN), what it sends is still carried | the same |
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

CHUNK_BYTES = 64 << 10
HELD_CHUNKS = 64
SLICE_S = 0.05
"""A limited way takes as much at once as it carries in this time."""
CALL_TIMEOUT_S = 10.0
BACKLOG = 512
NO_LINGER = struct.pack("ii", 1, 0)
"""Closing then sends RST."""

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Mode:
    kind: str = "carry"
    delay_s: float = 0.0
    corrupt_every_bytes: int = 0
    bytes_per_s: float = 0.0


class FaultProxy:
    """A proxy for `target`, (host, port), on a free port of `host`, for as long as its context lasts."""

    def __init__(self, target: Address, host: str = "127.0.0.1") -> None:
        self.target = target
        """Where new connections are carried to; may be changed at any time."""
        # Bound without listening, it keeps the port while that is closed.
        self._reserved = _bound((host, 0))
        self.host, self.port = self._reserved.getsockname()
        self._mode = _Mode()
        self._connections: set[_Connection] = set()
        self._there, self._back = _Meter(), _Meter()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self.carry()

    @property
    def connections(self) -> int:
        """How many connections there are, whatever is done to them."""
        return len(self._connections)

    def carry(self, *, delay_ms: float = 0, corrupt_every_bytes: int = 0, bytes_per_s: float = 0) -> None:
        """Carry everything, and each way `delay_ms` late, a bit flipped in each so many bytes, so fast at most.

        The delay and the bits are each connection's, the speed is shared by all.
        """
        self._set(_Mode("carry", delay_ms / 1_000, corrupt_every_bytes, bytes_per_s))

    def refuse(self) -> None:
        """Close the port."""
        self._set(replace(self._mode, kind="refuse"))

    def stall(self) -> None:
        """Let nothing through, and hold it."""
        self._set(_Mode("stall"))

    def hang(self) -> None:
        """Be a black hole."""
        self._set(_Mode("hang"))

    def reset(self) -> None:
        """End every connection with RST."""
        self._set(_Mode("reset"))

    def half_close(self) -> None:
        """Tell clients that nothing more will come."""
        self._set(_Mode("half_close"))

    def close(self) -> None:
        """Reset every connection, and end. Safe to repeat."""
        if not self._loop.is_closed():
            self._run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._reserved.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _set(self, mode: _Mode) -> None:
        self._run(self._change(mode))

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_TIMEOUT_S)

    async def _change(self, mode: _Mode) -> None:
        self._mode = mode
        for connection in self._connections:
            connection.follow(mode)
        if mode.kind == "refuse" and self._server is not None:
            self._server.close()
            self._server = None
        elif mode.kind != "refuse" and self._server is None:
            listener = _bound((self.host, self.port))
            self._server = await asyncio.start_server(self._accepted, sock=listener, backlog=BACKLOG)

    async def _end(self) -> None:
        await self._change(_Mode("reset"))
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer)
        self._connections.add(connection)
        try:
            connection.follow(self._mode)
            with suppress(asyncio.CancelledError):
                await connection.serve(self.target, self._there, self._back)
        finally:
            self._connections.discard(connection)


class _Connection:
    """A client's connection, and the one to the target that belongs to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._writers = [writer]
        self._mode = _Mode()
        self._moving = asyncio.Event()
        self._lossy = False
        self._half_closed = False
        self._task = asyncio.current_task()

    def follow(self, mode: _Mode) -> None:
        """Do from now on what a mode asks for."""
        self._mode = mode
        if mode.kind == "reset" or (self._lossy and mode.kind != "hang"):
            self._abort()
        elif mode.kind == "half_close" and not self._half_closed:
            self._half_closed = True
            self._writer.write_eof()
        if mode.kind == "stall":
            self._moving.clear()
        else:
            self._moving.set()

    async def serve(self, target: Address, there: _Meter, back: _Meter) -> None:
        """Carry both ways until both have ended."""
        try:
            await self._moving.wait()
            if self._mode.kind == "hang":
                await self._swallow()
            reader, writer = await asyncio.open_connection(*target)
            self._writers.append(writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._one_way(self._reader, writer, there))
                ways.create_task(self._one_way(reader, self._writer, back))
        except* OSError:
            self._reset()
        finally:
            for each in self._writers:
                each.close()

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meter: _Meter) -> None:
        held = asyncio.Queue[tuple[float, bytes | None]](HELD_CHUNKS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take(reader, held))
            group.create_task(self._give(held, writer, meter))

    async def _take(self, reader: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes | None]]) -> None:
        data: bytes | None = b"something"
        while data:
            try:
                data = await reader.read(CHUNK_BYTES)
            except OSError:
                data = None
            await held.put((asyncio.get_running_loop().time() + self._mode.delay_s, data))

    async def _give(
        self, held: asyncio.Queue[tuple[float, bytes | None]], writer: asyncio.StreamWriter, meter: _Meter
    ) -> None:
        carried_bytes = 0
        while True:
            due_s, data = await held.get()
            await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            await self._moving.wait()
            if self._mode.kind == "hang":
                self._lossy = True
                continue
            if data is None:
                raise ConnectionResetError
            if not data:
                return self._end_writing(writer)
            if not (self._half_closed and writer is self._writer):
                await self._write(writer, _flipped(data, self._mode.corrupt_every_bytes, carried_bytes), meter)
            carried_bytes += len(data)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes, meter: _Meter) -> None:
        while data:
            await self._moving.wait()
            bytes_per_s = self._mode.bytes_per_s
            taken = min(max(int(bytes_per_s * SLICE_S), 1), len(data)) if bytes_per_s else len(data)
            await meter.take(taken, bytes_per_s)
            writer.write(data[:taken])
            await writer.drain()
            data = data[taken:]

    def _end_writing(self, writer: asyncio.StreamWriter) -> None:
        if not (self._half_closed and writer is self._writer):
            writer.write_eof()

    async def _swallow(self) -> None:
        self._lossy = True
        while await self._reader.read(CHUNK_BYTES):
            pass
        await asyncio.Event().wait()  # until the next mode aborts

    def _abort(self) -> None:
        self._reset()
        if self._task is not None:
            self._task.cancel()

    def _reset(self) -> None:
        for writer in self._writers:
            if not writer.transport.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()


class _Meter:
    """Keeps all connections' bytes of one way together under a speed."""

    def __init__(self) -> None:
        self._free_s = 0.0

    async def take(self, size_bytes: int, bytes_per_s: float) -> None:
        """Return once so many bytes have gone at that speed, 0 being any."""
        if bytes_per_s:
            now_s = asyncio.get_running_loop().time()
            self._free_s = max(now_s, self._free_s) + size_bytes / bytes_per_s
            await asyncio.sleep(self._free_s - now_s)


def _flipped(data: bytes, every_bytes: int, before_bytes: int) -> bytes:
    """Data of a way that has carried `before_bytes`, with the lowest bit flipped of each of its so manieth bytes."""
    if not every_bytes:
        return data
    changed = bytearray(data)
    for index in range(-(before_bytes + 1) % every_bytes, len(data), every_bytes):
        changed[index] ^= 1
    return bytes(changed)


def _bound(address: Address) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    return sock
