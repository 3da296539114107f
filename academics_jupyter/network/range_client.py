"""Fetching a resource's bytes from one holder over HTTPS ranges, in a thread. What comes is not verified here.

A thread with blocking sockets takes in several times what an event loop does, and leaves that to the cells.
"""

from __future__ import annotations

import contextlib
import hashlib
import http
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from academics_jupyter.errors import PeerRefusedError, PeerUnreachableError
from academics_jupyter.network.limiter import Limiter
from academics_jupyter.network.range_server import RESOURCES_PATH
from academics_jupyter.network.sockets import dialling_socket
from academics_jupyter.network.tls_stream import TlsStream
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.records import Presence

CONNECT_TIMEOUT_S = 10.0
READ_BYTES = 128 << 10
"""Read at a time: so slow is a holder, at the least, that is not silent."""
PATIENCE_S = 60.0
"""For how long a holder may send nothing: one that computes answers when its cell has ended."""


class Body:
    """The bytes that answer one request, in order."""

    def __init__(self, reader: RangeReader, response: http.client.HTTPResponse) -> None:
        self._reader, self._response = reader, response

    def read_into(self, buffer: memoryview) -> None:
        """Fill a buffer, as fast as the limit allows. Raises PeerUnreachableError where fewer bytes come."""
        with self._reader.failures():
            start, most = 0, self._reader.limiter.portion(READ_BYTES)
            while start < len(buffer):
                part = buffer[start : start + most]
                self._reader.wait_for_limit(len(part))
                if self._response.readinto(part) < len(part):
                    raise http.client.IncompleteRead(b"", len(part))
                start += len(part)


class RangeReader:
    """One holder's server, for one resource. A context manager, for one thread but for `interrupt` and `silent_s`."""

    def __init__(
        self,
        presence: Presence,
        resource: str,
        token: str,
        limiter: Limiter,
        *,
        loopback: bool,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        """`connect_timeout_s` is how long each of the holder's addresses may take to answer."""
        self._presence, self._resource, self._loopback = presence, resource, loopback
        self._connect_timeout_s = connect_timeout_s
        self.limiter = limiter
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._url = ""
        self._interrupted = threading.Event()
        self._waits_since_s: float | None = None

    @property
    def has_connected(self) -> bool:
        """Whether the holder has been reached at one of its addresses."""
        return bool(self._url)

    @property
    def silent_s(self) -> float:
        """For how long the holder has sent nothing of what it was asked for."""
        since_s = self._waits_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def whole(self, part: str, length: int) -> bytes:
        """What the holder has of the resource under a name of its own: `pieces` or `tree`, `length` bytes long.

        Raises PeerUnreachableError or PeerRefusedError (`not_held`, `busy`, `malformed` or `failed`).
        """
        data = bytearray(length)
        with self._asked(f"/{part}", {}, 200, length) as body:
            body.read_into(memoryview(data))
        return bytes(data)

    @contextmanager
    def read(self, start: int, end: int) -> Iterator[Body]:
        """The bytes from `start` up to `end`; the connection ends where they are not all read. Raises as `whole`."""
        with self._asked("", {"Range": f"bytes={start}-{end - 1}"}, 206, end - start) as body:
            yield body

    def hang_up(self) -> None:
        """End the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._socket = None

    def interrupt(self) -> None:
        """Have whatever waits for the holder fail, now and from now on. May be called in any thread."""
        self._interrupted.set()
        if (sock := self._socket) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def wait_for_limit(self, count: int) -> None:
        """Wait until so many bytes may come. Raises OSError once interrupted."""
        self._waits_since_s = None
        if not self.limiter.take_blocking(count, self._interrupted):
            raise ConnectionAbortedError
        self._waits_since_s = time.monotonic()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Says in the network's errors what went wrong with the connection, and notes when the holder is waited for."""
        self._waits_since_s = time.monotonic()
        try:
            yield
            self._waits_since_s = None
        except (http.client.HTTPException, OSError, ValueError, AttributeError) as error:
            self.hang_up()
            raise PeerUnreachableError(f"{self._presence.name} stopped sending.") from error

    @contextmanager
    def _asked(self, path: str, headers: dict[str, str], status: int, length: int) -> Iterator[Body]:
        with self.failures():
            response = self._response(path, headers)
        try:
            self._check(response, status, length)
            yield Body(self, response)
        finally:
            if not response.isclosed():
                self.hang_up()
                response.close()

    def _response(self, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = self._connected()
        self._connection.request("GET", f"{RESOURCES_PATH}/{self._resource}{path}", headers=self._headers | headers)
        return self._connection.getresponse()

    def _connected(self) -> http.client.HTTPConnection:
        """A connection to the address that answered before, else to the first that does. Raises OSError."""
        name = self._presence.name
        failure: OSError = ConnectionError(f"{name} has no address that can be dialled")
        for url in [self._url] if self._url else self._presence.urls:
            if not may_dial(url, loopback=self._loopback):
                continue
            parts = urlsplit(url)
            try:
                stream = self._dialled(str(parts.hostname), int(parts.port or 0))
            except OSError as error:
                failure = error
                continue
            self._url = url
            connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
            connection.sock, connection.auto_open = stream, 0
            return connection
        raise failure

    def _dialled(self, host: str, port: int) -> TlsStream:
        failure: OSError = ConnectionError("it has no address")
        for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if self._interrupted.is_set():
                raise ConnectionAbortedError
            try:
                return self._encrypted(dialling_socket(address, loopback=self._loopback), address[4])
            except OSError as error:
                failure = error
        raise failure

    def _encrypted(self, sock: socket.socket, address: tuple[Any, ...]) -> TlsStream:
        """Raises OSError where the server is not the one whose certificate has been announced."""
        self._socket = sock
        try:
            sock.settimeout(self._connect_timeout_s)
            sock.connect(address)
            stream = TlsStream(sock, _TLS)
            if (
                self._interrupted.is_set()
                or hashlib.sha256(stream.certificate()).hexdigest() != self._presence.certificate
            ):
                raise ConnectionAbortedError("another server, or too late")
            sock.settimeout(PATIENCE_S)
        except BaseException:
            sock.close()
            raise
        return stream

    def _check(self, response: http.client.HTTPResponse, status: int, length: int) -> None:
        """Only plain bytes, of just the length that was asked for."""
        name = self._presence.name
        if response.status == http.HTTPStatus.NOT_FOUND:
            raise PeerRefusedError(f"{name} no longer holds the resource.", "not_held")
        if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            raise PeerRefusedError(f"{name} serves as many downloads as it may.", "busy")
        if response.status == http.HTTPStatus.UNAUTHORIZED:
            raise PeerRefusedError(f"{name} takes the token no more.", "stale_token")
        if response.status != status:
            raise PeerRefusedError(f"{name} answered with status {response.status}.", "failed")
        if response.headers.get("Content-Encoding", "identity") != "identity" or response.length != length:
            raise PeerRefusedError(f"{name} sent something other than the bytes that were asked for.", "malformed")


def _tls_context() -> ssl.SSLContext:
    """Certificates are self-signed, and held against the one that the peer has announced under its signature."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_TLS = _tls_context()
