"""TLS over a blocking socket, read in large portions; as much of a socket as `http.client` uses.

`ssl.SSLSocket` asks the system twice for each record of 16 KiB.
"""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

RECEIVE_BYTES = 256 << 10


class TlsStream:
    """An encrypted connection, made over a connected socket. Its methods block, for as long as the socket's timeout."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        """Raises OSError where the other side does not speak TLS as `context` wants it."""
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._buffer = memoryview(bytearray(RECEIVE_BYTES))
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._receive():
                    raise ConnectionResetError("the other side ended the connection") from None
            else:
                self._flush()
                return

    def certificate(self) -> bytes:
        """The other side's, as DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    def sendall(self, data: bytes) -> None:
        """Send. Raises OSError."""
        self._tls.write(data)
        self._flush()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as bytes have come, one at least; 0 at the end. Raises OSError."""
        view, size = memoryview(buffer), len(buffer)
        # With a buffer it returns a count, whatever its type says.
        read = cast(Callable[[int, memoryview], int], self._tls.read)
        filled = 0
        while filled < size:
            try:
                count = read(size - filled, view[filled:])
            except ssl.SSLWantReadError:
                if filled:
                    break
                self._flush()
                if not self._receive():
                    return 0
                continue
            except ssl.SSLZeroReturnError:
                break
            if not count:
                break
            filled += count
        return filled

    def makefile(self, _mode: str = "rb") -> io.BufferedReader:
        """What comes, as a file; to close that leaves the connection open."""
        return io.BufferedReader(_Raw(self))

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._socket.sendall(data)

    def _receive(self) -> int:
        count = self._socket.recv_into(self._buffer)
        self._incoming.write(self._buffer[:count])
        return count


class _Raw(io.RawIOBase):
    def __init__(self, stream: TlsStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.readinto(buffer)
