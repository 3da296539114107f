"""The registry over MongoDB: any server a URI names, or the embedded one.

May import pymongo, protocol, errors and the registry's other modules. A MongoRegistry belongs to the event loop it was
opened on, as pymongo's client does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pymongo import ASCENDING, AsyncMongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from academics_jupyter.errors import RegistryUnreachableError, UsageError
from academics_jupyter.protocol.records import Holding, Presence, Profile, Record, Signed
from academics_jupyter.registry.documents import Document, opened, opened_all
from academics_jupyter.registry.edge import DRIVER_TIMEOUT_S, answered
from academics_jupyter.registry.matching import profile_fits, profile_order
from academics_jupyter.registry.membership import last_presences, members
from academics_jupyter.registry.planning import LIVE
from academics_jupyter.registry.port import Found, Members, Page, Query
from academics_jupyter.registry.publishing import publish
from academics_jupyter.registry.schema import ensure_indexes
from academics_jupyter.registry.search import holders, search, starting_with
from academics_jupyter.registry.words import query_words

DEFAULT_DATABASE = "academics"
MONITOR_INTERVAL_MS = 60_000
"""How often each client asks an idle server how it is."""

_SCHEMES = ("mongodb://", "mongodb+srv://")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f]")
_MALFORMED = "ACADEMICS_REGISTRY is not a MongoDB address; it has the form mongodb://USER:PASSWORD@HOST/DATABASE."
_MAJORITY = WriteConcern(w="majority", j=True)

T = TypeVar("T")


class MongoRegistry:
    """A Registry in the MongoDB that `uri` names, in its database or `academics`."""

    def __init__(self, uri: str, place: str = "") -> None:
        """`place` is how messages name the registry; else the host is. Raises UsageError for a malformed URI."""
        host = checked_host(uri)
        self._uri = uri
        self._place = place or f"The registry at {host}"
        self._client: AsyncMongoClient[Document] | None = None

    @property
    def uri(self) -> str:
        """What it connects to; may hold a password."""
        return self._uri

    async def open(self) -> None:
        """Connect and see to the indexes."""
        if self._client is None:
            self._client = self._connected()
        await self._answered(ensure_indexes)

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def now_ms(self) -> int:
        """The server's clock."""
        return await self._answered(_clock_ms)

    async def publish(self, signed: Signed[Record]) -> bool:
        """Write a record unless a newer one with its key is there."""
        return await self._answered(lambda database: publish(database, signed))

    async def members(self, since_ms: int = 0) -> Members:
        """The presences and votes written since a mark, or of everybody online, by the server's clock."""
        return await self._answered(lambda database: members(database, since_ms))

    async def search(self, query: Query) -> Page:
        """A page of what fits."""
        return await self._answered(lambda database: search(database, query))

    async def resources(self, start: str, limit: int = 10, online: frozenset[str] = frozenset()) -> list[Found]:
        """The resources whose id begins with `start`."""
        return await self._answered(lambda database: starting_with(database, start.lower(), limit, online))

    async def holdings(self, resource: str, online: frozenset[str] = frozenset()) -> list[Signed[Holding]]:
        """Who holds a resource, described or not."""
        return await self._answered(lambda database: holders(database, resource, online))

    async def profiles(
        self,
        words: tuple[str, ...] = (),
        limit: int = 100,
        *,
        among: frozenset[str] | None = None,
        after: Signed[Profile] | None = None,
    ) -> list[Signed[Profile]]:
        """Whose name, affiliation or interests have words that begin with each of `words`, by name."""
        behind = profile_order(after.record) if after else ("", "")
        return await self._answered(lambda database: _profiles(database, words, limit, among, behind))

    async def profile(self, peer: str) -> Signed[Profile] | None:
        """What a peer tells of themselves."""
        there = await self._answered(lambda database: database["profiles"].find_one({"_id": peer, **LIVE}))
        return opened(Profile, there) if there else None

    async def presences(self, peers: frozenset[str]) -> list[Signed[Presence]]:
        """The last presence of each of those peers."""
        return await self._answered(lambda database: last_presences(database, peers))

    async def _answered(self, call: Callable[[AsyncDatabase[Document]], Awaitable[T]]) -> T:
        return await answered(self._place, self._database, call)

    def _database(self) -> AsyncDatabase[Document]:
        if self._client is None:
            raise RegistryUnreachableError(f"{self._place} is not connected.")
        return self._client.get_default_database(DEFAULT_DATABASE, write_concern=_MAJORITY)

    def _connected(self) -> AsyncMongoClient[Document]:
        """A client that decodes whatever anyone wrote: dates out of range, text that is not UTF-8."""
        try:
            return AsyncMongoClient(
                self._uri,
                appname="academics",
                serverSelectionTimeoutMS=int(DRIVER_TIMEOUT_S * 1000),
                connectTimeoutMS=int(DRIVER_TIMEOUT_S * 1000),
                datetime_conversion="DATETIME_MS",
                unicode_decode_error_handler="replace",
                serverMonitoringMode="poll",
                # A call that fails looks at once whether the server is there; nobody else needs to know so soon.
                heartbeatFrequencyMS=MONITOR_INTERVAL_MS,
                # `answered` tries again. The driver's own retries, given a time limit and a server that is not primary,
                # spin on the event loop until the limit is over, and never send the write.
                retryReads=False,
                retryWrites=False,
            )
        except (PyMongoError, ValueError) as error:
            raise UsageError(_MALFORMED) from error


def checked_host(uri: str) -> str:
    """The hosts of a MongoDB URI, without user name, password or options. Raises UsageError where it is malformed."""
    if not uri.startswith(_SCHEMES):
        raise UsageError(_MALFORMED)
    hosts = uri.partition("://")[2].partition("?")[0].split("/")[0].rpartition("@")[2]
    if not hosts or _UNPRINTABLE.search(uri):
        raise UsageError(_MALFORMED)
    if uri.startswith("mongodb://"):
        _check(uri)
    return hosts


async def _clock_ms(database: AsyncDatabase[Document]) -> int:
    return int((await database.command("hello", codec_options=database.codec_options))["localTime"])


async def _profiles(
    database: AsyncDatabase[Document],
    words: tuple[str, ...],
    limit: int,
    among: frozenset[str] | None,
    behind: tuple[str, str],
) -> list[Signed[Profile]]:
    starts = [{"kw": {"$regex": f"^{re.escape(word)}"}} for word in query_words(words)]
    chosen = [LIVE] if among is None else [LIVE, {"_id": {"$in": sorted(among)}}]
    condition = {"$and": [*chosen, {"order": {"$gte": behind[0]}}, *starts]}
    kept: list[Signed[Profile]] = []
    async with database["profiles"].find(condition, sort=[("order", ASCENDING), ("_id", ASCENDING)]) as cursor:
        while len(kept) < limit and (page := await cursor.to_list(limit)):
            fitting = await asyncio.to_thread(opened_all, Profile, page)
            kept += [
                signed
                for signed in fitting
                if profile_fits(signed.record, words) and profile_order(signed.record) > behind
            ]
    return sorted(kept[: max(limit, 0)], key=lambda signed: profile_order(signed.record))


def _check(uri: str) -> None:
    """Let pymongo read a URI; one with `+srv` is only read when its name is looked up, on opening."""
    try:
        parse_uri(uri)
    except (PyMongoError, ValueError) as error:
        raise UsageError(_MALFORMED) from error
