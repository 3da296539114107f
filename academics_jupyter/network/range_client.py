"""Fetching a resource's bytes from one holder over HTTPS ranges. What comes is not verified here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import aiohttp

from academics_jupyter.errors import NetworkError, PeerRefusedError, PeerUnreachableError
from academics_jupyter.network.dialler import pinned_session
from academics_jupyter.network.range_server import RESOURCES_PATH
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.records import Presence

HASH_BYTES = 32
PATIENCE_S = 60.0
"""For how long a holder may send nothing: one that computes answers when its cell has ended."""


class Holder:
    """One holder's server, for one resource. An asynchronous context manager."""

    def __init__(
        self, presence: Presence, resource: str, token: str, *, loopback: bool, patience_s: float = PATIENCE_S
    ) -> None:
        """`patience_s` is how long it may take to take a connection, and to send anything then."""
        self._presence, self._resource, self._loopback = presence, resource, loopback
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience_s, sock_read=patience_s)
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        self._session: aiohttp.ClientSession | None = None
        self._url = ""

    async def __aenter__(self) -> Holder:
        self._session = pinned_session(self._presence.certificate, loopback=self._loopback)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def pieces(self, count: int) -> bytes:
        """The hashes of the resource's `count` pieces, from the first of the holder's addresses that answers.

        To be called first: `read` uses the address found. Raises PeerUnreachableError or PeerRefusedError.
        """
        failure: NetworkError = PeerUnreachableError(f"{self._presence.name} has no address that can be reached.")
        length = HASH_BYTES * count
        for url in self._presence.urls:
            if not may_dial(url, loopback=self._loopback):
                continue
            self._url = f"{url}{RESOURCES_PATH}/{self._resource}"
            try:
                return b"".join([data async for data in self._get("/pieces", None, length, length)])
            except PeerRefusedError:
                raise
            except NetworkError as error:
                failure = error
        raise failure

    def read(self, start: int, end: int, piece_bytes: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, in chunks of `piece_bytes` but for the last. Raises as `pieces`."""
        return self._get("", f"bytes={start}-{end - 1}", end - start, piece_bytes)

    async def _get(self, path: str, wanted: str | None, length: int, chunk_bytes: int) -> AsyncIterator[bytes]:
        assert self._session is not None  # noqa: S101  entered
        headers = self._headers | ({"Range": wanted} if wanted else {})
        asking = self._session.get(self._url + path, headers=headers, allow_redirects=False, timeout=self._timeout)
        try:
            async with asking as response:
                self._check(response, 206 if wanted else 200, length)
                while length > 0:
                    data = await response.content.readexactly(min(chunk_bytes, length))
                    length -= len(data)
                    yield data
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise PeerUnreachableError(f"{self._presence.name} stopped sending.") from error

    def _check(self, response: aiohttp.ClientResponse, status: int, length: int) -> None:
        """Only plain bytes, of just the length that was asked for."""
        name = self._presence.name
        if response.status == 404:
            raise PeerRefusedError(f"{name} no longer holds the resource.", "not_held")
        if response.status != status:
            raise PeerRefusedError(f"{name} answered with status {response.status}.", "failed")
        if response.headers.get("Content-Encoding", "identity") != "identity" or response.content_length != length:
            raise PeerRefusedError(f"{name} sent something other than the bytes that were asked for.", "malformed")
