"""What the services of one peer share: its settings, keys, store, clock, registry, limits and events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from academics_jupyter.errors import RegistryError, RegistryUnreachableError
from academics_jupyter.network.limiter import Limiter
from academics_jupyter.peer.changes import Changes
from academics_jupyter.peer.clock import Clock
from academics_jupyter.peer.event_bus import EventBus
from academics_jupyter.peer.events import TwinFound
from academics_jupyter.peer.keeper import Keeper
from academics_jupyter.peer.settings import Settings
from academics_jupyter.protocol.records import RECORD_LIFETIME_MS, Record, Signed, sign_record
from academics_jupyter.registry.opening import open_registry
from academics_jupyter.registry.port import Registry
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.outbox import REGISTRY
from academics_jupyter.store.repository import Repository
from academics_jupyter.store.store import Store

R = TypeVar("R", bound=Record)

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""For how long a registry that did not answer is not asked again."""


class Context:
    """An opened profile."""

    def __init__(self, settings: Settings, folder: ProfileFolder, keys: Keys) -> None:
        self.settings = settings
        self.folder = folder
        self.keys = keys
        self.clock = Clock()
        self.store = Store.open(folder, keys, clock=self.clock.now_ms)
        self.repository = Repository(folder.repository, folder.parts)
        self.changes = Changes(self.store)
        self.keeper = Keeper(self.store)
        self.events = EventBus(self.store)
        self.upload_limiter = Limiter(settings.upload_limit)
        self.download_limiter = Limiter(settings.download_limit)
        self.driving = False
        """Whether this process runs the profile's peer."""
        self.has_twin = False
        """Whether a copy of the profile has been found online in another place."""
        self.registry_error = ""
        self._registry: Registry | None = None
        self._unanswered: RegistryUnreachableError | None = None
        self._unanswered_s = 0.0
        self._opening = asyncio.Lock()

    @property
    def me(self) -> str:
        """This peer's id."""
        return self.keys.peer

    def note_twin(self, *, newer: bool) -> None:
        """A copy of the profile is online in another place; of the two, the one that started later counts."""
        if not self.has_twin:
            self.has_twin = True
            self.events.tell(TwinFound(newer))
            log.warning("this identity is online in another place too, from a copy of the profile")

    @property
    def is_connected(self) -> bool:
        """Whether the registry has been reached since the profile was opened."""
        return self._registry is not None

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Registry]:
        """The registry, connected, for a request to it. How the request goes is kept for the status.

        Raises RegistryUnreachableError where it does not answer, and at once where it has just not answered somebody
        else, so that nobody waits twice; another RegistryError where it cannot be used.
        """
        try:
            yield await self._connected()
        except RegistryUnreachableError as error:
            if error is not self._unanswered:
                self._unanswered, self._unanswered_s = error, time.monotonic()
            self.registry_error = str(error)
            raise
        except RegistryError as error:
            self.registry_error = str(error)
            raise
        self._unanswered, self.registry_error = None, ""

    async def _connected(self) -> Registry:
        async with self._opening:
            if self._unanswered is not None and time.monotonic() - self._unanswered_s < PATIENCE_S:
                raise self._unanswered
            if self._registry is None:
                self._registry = await self._open_registry()
            return self._registry

    async def _open_registry(self) -> Registry:
        registry = open_registry(self.settings.registry or None, self.settings.registry_folder)
        try:
            await registry.open()
            self.clock.set_by(await registry.now_ms())
        except RegistryUnreachableError as error:
            # Known before the lock is given back, so that who waits for it need not try again.
            self._unanswered, self._unanswered_s = error, time.monotonic()
            await registry.close()
            raise
        except RegistryError:
            await registry.close()
            raise
        return registry

    def header(self, lifetime_ms: int = RECORD_LIFETIME_MS) -> dict[str, Any]:
        """The fields that every record of ours begins with, numbered anew."""
        now_ms = self.clock.now_ms()
        counters = self.store.counters
        return {
            "peer": self.me,
            "epoch": counters.epoch(),
            "sequence": counters.next_sequence(),
            "issued_at_ms": now_ms,
            "expires_at_ms": now_ms + lifetime_ms,
        }

    def publish(self, record: R) -> Signed[R]:
        """Sign a record of ours, keep it and queue it for the registry, in one transaction."""
        signed = sign_record(self.keys.signing, record)
        with self.store.transaction():
            self.store.records.put(signed)
            self.store.outbox.add(REGISTRY, "record", f"{record.LABEL}\n{record.key}")
        return signed

    async def flushed(self) -> None:
        """Wait until everything that was to go to the registry has gone there."""
        with self.changes.watched("outbox") as changed:
            while self.store.outbox.waiting(REGISTRY):
                await changed.wait()
                changed.clear()

    async def close(self) -> None:
        """Disconnect and close the store."""
        await self.events.close()
        self.changes.close()
        if self._registry is not None:
            await self._registry.close()
        await asyncio.to_thread(self.keeper.close)
        await asyncio.to_thread(self.store.search.close)  # it may have a snapshot to write
        self.store.close()
