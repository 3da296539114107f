"""A profile in this process: opened, registered, brought online and offline. What one does with it is in `peer`."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Self

from academics_jupyter.errors import AcademicsError, NotRegisteredError, ProfileDrivenElsewhereError, UsageError
from academics_jupyter.peer.chatting import ChattingService
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.downloading import DownloadingService
from academics_jupyter.peer.engine import Engine
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.peer.lookup import Lookup
from academics_jupyter.peer.settings import Settings
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.peer.status import Status, Waiting
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Profile
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import FILE_WARNING, Protection, create_keys, load_keys
from academics_jupyter.store.profile import ProfileDetails

STAND_BY_INTERVAL_S = 0.5
"""How often a passenger looks whether the driver is still there."""

log = logging.getLogger(__name__)


class OpenProfile:
    """Made by `open` on the event loop that it runs on from then on; its services are there once it is registered."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = ProfileFolder(settings.home, settings.profile)
        self.notice = ""
        """One line that the last call wants the person to know, if any."""
        self.loaded: list[str] = []
        """The resources downloaded by this process, which are what `cite` cites by itself."""
        self._opened: Context | None = None
        self._engine: Engine | None = None
        self._standing_by: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """The peer of a profile, registered or not, online or not.

        Raises KeysLockedError, StoreDamagedError or another StoreError where the profile cannot be opened.
        """
        peer = cls(settings)
        if peer.folder.exists:
            await peer._open_profile()
        return peer

    async def close(self) -> None:
        """Go offline and close the profile."""
        await self.stop()
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def register(
        self,
        name: str | None = None,
        email: str | None = None,
        affiliation: str | None = None,
        interests: str | tuple[str, ...] | None = None,
    ) -> Profile:
        """Make the profile and its identity, or change what is given of it. Does not go online by itself."""
        self.notice = ""
        if self._opened is None:
            if not (name or "").strip():
                raise UsageError("A new profile needs a name: %register --name NAME.")
            await self._create_profile()
        profile = await asyncio.to_thread(self._edit_profile, name, email, affiliation, interests)
        if self._engine is not None:
            self._engine.presence.heartbeat.renew_soon()
        return profile

    async def start(self, label: str = "") -> Status:
        """Go online. In a second kernel of the profile, become a passenger of the one that is online.

        Raises NotRegisteredError, MongodMissingError or UsageError; a registry that does not answer is no hindrance.
        """
        self.notice = ""
        context = self._context
        if context.store.profile.get() is None:
            raise NotRegisteredError("Your store is new and does not say who you are: %register --name NAME.")
        label = label or f"process {os.getpid()}"
        async with self._changing:
            try:
                await self._drive(label)
            except ProfileDrivenElsewhereError as error:
                self.notice = str(error)
                if self._standing_by is None:
                    self._standing_by = asyncio.create_task(self._stand_by(label), name="academics-standing-by")
        if context.registry_error and not self.notice:
            self.notice = f"{context.registry_error} You are offline until it does; what you do waits for it."
        return self.status()

    async def stop(self) -> Status:
        """Go offline cleanly. Safe to repeat."""
        self.notice = ""
        async with self._changing:
            if self._standing_by is not None:
                self._standing_by.cancel()
                self._standing_by = None
            engine, self._engine = self._engine, None
            if engine is not None:
                await engine.stop()
        return self.status()

    async def _drive(self, label: str) -> None:
        """Run the peer here, if it does not. Raises ProfileDrivenElsewhereError where another process does."""
        if self._engine is not None:
            return
        engine = Engine(self._context, self.exploring, self.sharing, self.chatting)
        try:
            await engine.start(label)
        except OSError as error:
            where = f"port {self.settings.port} of {self.settings.bind_host or 'this machine'}"
            raise UsageError(
                f"The server cannot use {where} ({error.strerror}): set ACADEMICS_PORT to a free one, or to 0."
            ) from error
        self._engine = engine

    async def _stand_by(self, label: str) -> None:
        """As a passenger: take over when the driver ends, however it ends."""
        while self._engine is None:
            await asyncio.sleep(STAND_BY_INTERVAL_S)
            if await asyncio.to_thread(self.folder.driver) is not None:
                continue
            async with self._changing:
                try:
                    await self._drive(label)
                except AcademicsError as error:
                    log.info("not taking over from the driver: %s", error)
        self._standing_by = None

    def status(self) -> Status:
        """The peer at a glance."""
        if self._opened is None:
            return Status(role="unregistered", profile=self.settings.profile)
        context = self._opened
        details = context.store.profile.get()
        driver = None if self._engine else self.folder.driver()
        return Status(
            role="driver" if self._engine else "passenger" if driver else "stopped",
            profile=self.settings.profile,
            name=details.name if details else "",
            fingerprint=fingerprint(context.me),
            registry="given by ACADEMICS_REGISTRY" if self.settings.registry else "embedded",
            registry_asked=context.is_connected,
            registry_error=context.registry_error,
            address=", ".join(self._engine.presence.urls) if self._engine else "",
            links=len(self._engine.mesh.links) if self._engine else 0,
            waiting=self._waiting(context),
            downloads=len(context.store.downloads.pending()),
            driven_by=driver.label if driver else "",
        )

    @property
    def is_registered(self) -> bool:
        """Whether the profile has an identity."""
        return self._opened is not None

    @property
    def is_driver(self) -> bool:
        """Whether this process runs the peer."""
        return self._engine is not None

    @property
    def id(self) -> str:
        """This peer's public key in hex."""
        return self._context.me

    @property
    def _context(self) -> Context:
        if self._opened is None:
            raise NotRegisteredError("You have no profile yet: %register --name NAME makes one.")
        return self._opened

    def _note_if_offline(self, done: str) -> None:
        if self._engine is None and self.folder.driver() is None:
            self.notice = f"{done} and goes out once you are online: %academics start."

    async def _create_profile(self) -> None:
        keys, protection = await asyncio.to_thread(create_keys, self.folder, self.settings.passphrase)
        if protection is Protection.FILE:
            self.notice = FILE_WARNING
        self._attach(Context(self.settings, self.folder, keys))

    async def _open_profile(self) -> None:
        keys, _ = await asyncio.to_thread(load_keys, self.folder, self.settings.passphrase)
        self._attach(Context(self.settings, self.folder, keys))

    def _attach(self, context: Context) -> None:
        self._opened = context
        self.sharing = SharingService(context)
        self.exploring = ExploringService(context)
        self.chatting = ChattingService(context)
        self.downloading = DownloadingService(context, self.exploring)
        self.lookup = Lookup(context, self.exploring)

    def _edit_profile(
        self, name: str | None, email: str | None, affiliation: str | None, interests: str | tuple[str, ...] | None
    ) -> Profile:
        context = self._context
        known = context.store.profile.get() or ProfileDetails(name="")
        listed = interests.split(",") if isinstance(interests, str) else interests
        details = ProfileDetails(
            name=(known.name if name is None else name).strip(),
            email=(known.email if email is None else email).strip(),
            affiliation=(known.affiliation if affiliation is None else affiliation).strip(),
            interests=known.interests if listed is None else tuple(each.strip() for each in listed if each.strip()),
        )
        if not details.name:
            raise UsageError("A profile needs a name: %register --name NAME.")
        profile = Profile(
            **context.header(),
            name=details.name,
            email=details.email,
            affiliation=details.affiliation,
            interests=details.interests,
        )
        with context.store.transaction():
            context.store.profile.put(details)
            return context.publish(profile).record

    def _waiting(self, context: Context) -> tuple[Waiting, ...]:
        return tuple(
            Waiting(
                what="a message" if entry.kind == "message" else entry.reference.partition("\n")[0].rpartition("/")[2],
                destination="the registry" if entry.kind == "record" else self.exploring.name_of(entry.destination),
                why=entry.error or self._why(context, entry.destination, entry.kind),
            )
            for entry in context.store.outbox.waiting()
        )

    def _why(self, context: Context, destination: str, kind: str) -> str:
        if self._engine is None and self.folder.driver() is None:
            return "your peer is offline"
        contact = context.store.peers.get(destination)
        if kind == "message" and not (contact and contact.online):
            return "they are offline"
        return "on its way"
