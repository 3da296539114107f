"""Which registry a peer uses. May import the registry's other modules, protocol and errors."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from platformdirs import user_data_path

from academics_jupyter.errors import MongodMissingError, RegistryError, RegistryUnreachableError
from academics_jupyter.protocol.records import Holding, Presence, Profile, Record, Signed
from academics_jupyter.registry.mongo import MongoRegistry
from academics_jupyter.registry.port import Found, Members, Page, Query, Registry

if TYPE_CHECKING:
    from academics_jupyter.registry.embedded import EmbeddedMongod

PLACE = "The embedded registry"
LOOK_AGAIN_S = 0.2
"""How often a call that is not answered looks whether mongod is there at all."""

T = TypeVar("T")


def default_folder() -> Path:
    """Where the user's embedded registry is kept."""
    return user_data_path("academics", appauthor=False) / "registry"


def open_registry(uri: str | None, folder: Path) -> Registry:
    """The registry at a MongoDB URI or, with none, the embedded one in `folder`; `open()` it before use.

    Raises UsageError for a malformed URI.
    """
    return MongoRegistry(uri.strip()) if uri and uri.strip() else EmbeddedRegistry(folder)


class EmbeddedRegistry:
    """A Registry in the embedded mongod of `folder`, which is brought back whenever it is found to be gone."""

    def __init__(self, folder: Path, run_folder: Path | None = None) -> None:
        """`run_folder` is where the socket goes, if not where `layout` puts it."""
        self._folder = folder
        self._run_folder = run_folder
        self._mongod: EmbeddedMongod | None = None
        self._registry: MongoRegistry | None = None
        self._opening = asyncio.Lock()
        self._reviving: asyncio.Task[None] | None = None
        self._trouble: RegistryError | None = None
        """Why mongod could not be brought back, until it is there again."""

    async def open(self) -> None:
        """Join or start mongod, and connect. Raises MongodMissingError or RegistryError."""
        async with self._opening:
            self._mongod = self._mongod or self._found()
            await self._connect(self._mongod)

    async def close(self) -> None:
        """Disconnect; mongod ends with its last user."""
        async with self._opening:
            registry, self._registry = self._registry, None
            mongod, self._mongod = self._mongod, None
            if registry is not None:
                await registry.close()
            if mongod is not None:
                await asyncio.to_thread(mongod.release)

    async def now_ms(self) -> int:
        """The server's clock."""
        return await self._asked(lambda registry: registry.now_ms())

    async def publish(self, signed: Signed[Record]) -> bool:
        """Write a record unless a newer one with its key is there."""
        return await self._asked(lambda registry: registry.publish(signed))

    async def members(self, since_ms: int = 0) -> Members:
        """The presences and votes written since a mark, or of everybody online."""
        return await self._asked(lambda registry: registry.members(since_ms))

    async def search(self, query: Query) -> Page:
        """A page of what fits."""
        return await self._asked(lambda registry: registry.search(query))

    async def resources(self, start: str, limit: int = 10, online: frozenset[str] = frozenset()) -> list[Found]:
        """The resources whose id begins with `start`."""
        return await self._asked(lambda registry: registry.resources(start, limit, online))

    async def holdings(self, resource: str, online: frozenset[str] = frozenset()) -> list[Signed[Holding]]:
        """Who holds a resource, described or not."""
        return await self._asked(lambda registry: registry.holdings(resource, online))

    async def profiles(
        self,
        words: tuple[str, ...] = (),
        limit: int = 100,
        *,
        among: frozenset[str] | None = None,
        after: Signed[Profile] | None = None,
    ) -> list[Signed[Profile]]:
        """Whose name, affiliation or interests have words that begin with each of `words`, by name."""
        return await self._asked(lambda registry: registry.profiles(words, limit, among=among, after=after))

    async def profile(self, peer: str) -> Signed[Profile] | None:
        """What a peer tells of themselves."""
        return await self._asked(lambda registry: registry.profile(peer))

    async def presences(self, peers: frozenset[str]) -> list[Signed[Presence]]:
        """The last presence of each of those peers."""
        return await self._asked(lambda registry: registry.presences(peers))

    def _found(self) -> EmbeddedMongod:
        if sys.platform == "win32":
            raise MongodMissingError("There is no embedded registry on Windows; set ACADEMICS_REGISTRY to an address.")
        from academics_jupyter.registry.embedded import EmbeddedMongod

        return EmbeddedMongod(self._folder, self._run_folder)

    async def _asked(self, call: Callable[[MongoRegistry], Awaitable[T]]) -> T:
        """Carry out a call. If mongod has gone, it is brought back meanwhile, and the call finds it."""
        registry, mongod = self._registry, self._mongod
        if registry is None or mongod is None:
            raise RegistryUnreachableError(f"{PLACE} is not connected.")
        asked = asyncio.ensure_future(call(registry))
        try:
            while not asked.done():
                if mongod.alive():
                    self._trouble = None
                else:
                    self._revive(mongod)
                await asyncio.wait({asked}, timeout=LOOK_AGAIN_S)
            return asked.result()
        except RegistryUnreachableError as error:
            if self._trouble is None:
                raise
            # Why mongod is not to be had says more than that it does not answer.
            raise RegistryUnreachableError(str(self._trouble)) from error
        finally:
            asked.cancel()

    def _revive(self, mongod: EmbeddedMongod) -> None:
        """Begin to bring mongod back, unless that is under way."""
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.create_task(self._revived(mongod))

    async def _revived(self, mongod: EmbeddedMongod) -> None:
        """Bring mongod back; `_trouble` says why where that fails."""
        async with self._opening:
            if self._mongod is not None:
                try:
                    await self._connect(mongod)
                except RegistryError as error:
                    self._trouble = error

    async def _connect(self, mongod: EmbeddedMongod) -> None:
        """Have mongod there, and a client of it.

        A client we have is left alone: it finds a mongod that is back by itself, and asking through it would wait for
        one that has gone again meanwhile, while nobody brings that back.
        """
        uri = await asyncio.to_thread(mongod.acquire)
        former = self._registry
        if former is not None and former.uri == uri:
            return
        fresh = MongoRegistry(uri, PLACE)
        try:
            await fresh.open()
        except BaseException:
            await fresh.close()
            raise
        self._registry = fresh
        if former is not None:
            await former.close()
