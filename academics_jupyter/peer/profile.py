"""A profile in this process: opened, registered, brought online and offline. What one does with it is in `peer`."""

from __future__ import annotations

import asyncio
from typing import Self

from academics_jupyter.errors import (
    NotRegisteredError,
    ProfileDrivenElsewhereError,
    UsageError,
)
from academics_jupyter.peer.chatting import ChattingService
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.downloading import DownloadingService
from academics_jupyter.peer.drafting import DraftingService
from academics_jupyter.peer.driving import Driving
from academics_jupyter.peer.engine import Engine
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.peer.lookup import Lookup
from academics_jupyter.peer.rooms import RoomsService
from academics_jupyter.peer.settings import Settings
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.peer.status import Status
from academics_jupyter.peer.trees import TreeService
from academics_jupyter.peer.uptake import UptakeService
from academics_jupyter.peer.waiting import waiting
from academics_jupyter.peer.wording import under_way_texts
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Presence, Profile
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import FILE_WARNING, Protection, create_keys, load_keys
from academics_jupyter.store.profile import ProfileDetails
from academics_jupyter.store.rates import NO_RATES
from academics_jupyter.store.store import wall_clock_ms


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
        self._driving: Driving | None = None

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
            self._opened = self._driving = None

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
        return await asyncio.to_thread(self._edit_profile, name, email, affiliation, interests)

    async def start(self, label: str = "") -> Status:
        """Go online. In a second kernel of the profile, become a passenger of the one that is online.

        Raises NotRegisteredError, MongodMissingError or UsageError; a registry that does not answer is no hindrance.
        """
        self.notice = ""
        try:
            await self._drivable().start(label)
        except ProfileDrivenElsewhereError as error:
            self.notice = str(error)
        self._note_registry()
        return self.status()

    async def stop(self) -> Status:
        """Go offline cleanly. Safe to repeat."""
        self.notice = ""
        if self._driving is not None:
            await self._driving.stop()
        status = self.status()
        if status.role == "passenger":
            where = status.driven_by
            self.notice = f"Your peer stays online in {where}: stop it there, or %academics attach and stop it here."
        return status

    async def attach(self, label: str = "") -> Status:
        """Run the peer in this process, taken over from `academics serve` or another kernel where it runs there.

        Raises HandoverError where the other process does not answer, and otherwise as `start`.
        """
        self.notice = ""
        driving = self._drivable()
        if self.is_driver:
            self.notice = "Your peer runs in this kernel already."
        else:
            await driving.attach(label)
            self._note_registry()
        return self.status()

    async def detach(self) -> Status:
        """Run the peer in `academics serve`, a process that stays on whatever becomes of this one, its passenger.

        Raises HandoverError where that process does not come up; then the peer runs where it ran before.
        """
        self.notice = ""
        driving = self._drivable()
        driver = None if self.is_driver else await asyncio.to_thread(self.folder.driver)
        if driver is None:
            driver = await driving.detach()
            self.notice = f"Your peer runs in {driver.label} from now on: %academics attach brings it back."
        else:
            self.notice = f"Your peer runs in {driver.label} and not in this kernel: there is nothing to detach here."
        return self.status()

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
            address=self._address(context) if self._engine or driver else "",
            links=len(context.store.peers.linked()) if self._engine or driver else 0,
            has_twin=context.has_twin,
            waiting=waiting(context, self.exploring.name_of, driven=bool(self._engine or driver)),
            downloads=under_way_texts(context.store.downloads.unfinished()),
            rates=context.store.rates.get(wall_clock_ms()) if self._engine or driver else NO_RATES,
            driven_by=driver.label if driver else "",
        )

    @property
    def details(self) -> ProfileDetails | None:
        """What the person says of themselves; None before registration."""
        return None if self._opened is None else self._opened.store.profile.get()

    @property
    def is_registered(self) -> bool:
        """Whether the profile has an identity."""
        return self._opened is not None

    @property
    def is_driver(self) -> bool:
        """Whether this process runs the peer."""
        return self._engine is not None

    @property
    def superseded(self) -> asyncio.Event:
        """Set while this process stands by and another one has run the peer since. Raises NotRegisteredError."""
        return self._drivable().superseded

    @property
    def id(self) -> str:
        """This peer's public key in hex."""
        return self._context.me

    @property
    def _context(self) -> Context:
        if self._opened is None:
            raise NotRegisteredError("You have no profile yet: %register --name NAME makes one.")
        return self._opened

    @property
    def _engine(self) -> Engine | None:
        return None if self._driving is None else self._driving.engine

    def _drivable(self) -> Driving:
        if self._context.store.profile.get() is None or self._driving is None:
            raise NotRegisteredError("Your store is new and does not say who you are: %register --name NAME.")
        return self._driving

    def _note_registry(self) -> None:
        error = self._context.registry_error
        if error and not self.notice:
            self.notice = f"{error} You are offline until it does; what you do waits for it."

    def _is_driven(self) -> bool:
        """Whether some process runs the peer, or will in a moment: this one, if it stands by and nobody else does."""
        driving = self._driving
        return driving is not None and (
            driving.engine is not None or driving.stands_by or self.folder.driver() is not None
        )

    def _note_contact(self, peer: str) -> None:
        self._context.store.peers.seen(peer, self.exploring.name_of(peer), self._context.clock.now_ms())

    def _note_if_offline(self, done: str) -> None:
        if not self._is_driven():
            self.notice = f"{done} and goes out once you are online: %academics start."

    async def _create_profile(self) -> None:
        keys, protection = await asyncio.to_thread(create_keys, self.folder, self.settings.passphrase)
        if protection is Protection.FILE:
            self.notice = FILE_WARNING
        self._furnish(Context(self.settings, self.folder, keys))

    async def _open_profile(self) -> None:
        keys, _ = await asyncio.to_thread(load_keys, self.folder, self.settings.passphrase)
        self._furnish(Context(self.settings, self.folder, keys))

    def _furnish(self, context: Context) -> None:
        self._opened = context
        self.sharing = SharingService(context)
        self.drafting = DraftingService(context, self.sharing)
        self.uptake = UptakeService(context)
        self.exploring = ExploringService(context)
        self.chatting = ChattingService(context)
        self.rooms = RoomsService(context)
        self.trees = TreeService(context)
        self.downloading = DownloadingService(context, self.exploring, self.trees)
        self.lookup = Lookup(context, self.exploring)
        self._driving = Driving(context, lambda: Engine(context, self.exploring, self.sharing, self.chatting))

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

    def _address(self, context: Context) -> str:
        announced = context.store.records.get(Presence, context.me)
        return ", ".join(announced.record.urls) if announced is not None else ""
