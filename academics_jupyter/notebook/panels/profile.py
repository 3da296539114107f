"""The line that says who one is and where one's peer runs, and the form for those who have no profile yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.events import Event, LoopStarved
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.status import TWIN, Status
from academics_jupyter.store.keys import Protection, protection_of

LOCAL = (
    "What you write here, and what you share later, is published in this machine's own registry, which only the"
    " profiles of your user on this machine read."
)
SHARED = (
    "What you write here, what you share later, and this machine's address while you are online are published to"
    " everyone who uses the registry that ACADEMICS_REGISTRY names."
)
KEYS = {
    Protection.KEYRING: "locked with a key in your system's keyring.",
    Protection.PASSPHRASE: "locked with the passphrase in ACADEMICS_PASSPHRASE.",
    Protection.FILE: (
        "not locked, for want of a system keyring: only your user account can read it. To lock it, set"
        " ACADEMICS_PASSPHRASE, and in a terminal academics key export FILE, then academics key import FILE."
    ),
}
FIELDS = ("name", "affiliation", "email", "interests")

STARVED = (
    "A cell computed for {seconds:.0f} s, and meanwhile nobody could reach your peer. Detached, it goes on in a process"
    " of its own while your cells compute."
)


class ProfilePart(Part):
    """Registering, going online and offline, moving the peer."""

    NAME = "profile"
    _esm: ClassVar[str] = read_static("dom.js", "welcome.js", "profile.js")
    _css: ClassVar[str] = read_static("profile.css")

    def __init__(
        self, session: Session, on_change: Callable[[], None], select: Callable[[str], None], **traits: Any
    ) -> None:
        super().__init__(session, **traits)
        self._on_change, self._select = on_change, select
        self._is_new = False
        self._notice = ""
        self._starved = ""
        self._told_of_starving = False
        self._hearing: asyncio.Task[None] | None = None
        # From here on: the next cell may compute before the panel is first drawn.
        self._heard = self.peer
        self._events = self._heard.events() if self._heard is not None else None

    def commands(self) -> dict[str, Command]:
        """Register, edit, start, stop, move the peer; take the welcome, the notice or the offer to detach away."""
        return {
            "register": self._register,
            "edit": self._edit,
            "welcomed": self._end_welcome,
            "start": self._start,
            "stop": self._stop,
            "attach": self._attach,
            "detach": self._detach,
            "dismiss": self._dismiss,
            "decline": self._decline,
        }

    def subscriptions(self) -> list[Subscription]:
        """The name may be changed from a cell; links come and go; the peer may move to another process."""
        return [(frozenset({"profile", "peers", "presences", "driving"}), self.redraw.soon)]

    def tick(self) -> None:
        """Going online in a cell, or in another kernel, is no change of the store."""
        self.redraw.soon()

    async def release(self) -> None:
        """Hear no more of the peer."""
        if self._hearing is not None:
            self._hearing.cancel()
        await super().release()

    async def _draw(self) -> None:
        """Drawn for those without a profile too."""
        with self.errors_shown():
            peer = self.session.current
            self._hear_of(self.peer)
            if peer is not None:
                self._show_status(peer, *await asyncio.to_thread(_looked_up, peer))

    def _show_status(self, peer: Peer, status: Status, about: dict[str, Any]) -> None:
        told = asdict(status)
        shown = {name: told[name] for name in ("role", "profile", "name", "fingerprint", "links", "driven_by")}
        self.show(
            **shown,
            about=about,
            is_new=self._is_new,
            published=LOCAL if peer.settings.is_local else SHARED,
            notice=self._notice or (TWIN if status.has_twin else "") or status.registry_error,
            starved=self._starved if peer.is_driver else "",
        )

    def _hear_of(self, peer: Peer | None) -> None:
        """Follow the events of the session's peer, whichever that is now."""
        if peer is not self._heard:
            if self._hearing is not None:
                self._hearing.cancel()
            self._hearing, self._heard = None, peer
            self._events = peer.events() if peer is not None else None
        if self._hearing is None and peer is not None and self._events is not None:
            self._hearing = asyncio.create_task(self._listen(peer, self._events), name="academics-panel-events")

    async def _listen(self, peer: Peer, events: AsyncIterator[Event]) -> None:
        async for event in events:
            # Another kernel's computing is for that kernel to mend; and who has been told once knows.
            if isinstance(event, LoopStarved) and peer.is_driver and not self._told_of_starving:
                self._told_of_starving = True
                self._starved = STARVED.format(seconds=event.seconds)
                self.redraw.soon()

    async def _register(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self.session.peer()
        is_new = not peer.is_registered
        await peer.register(**_given(content))
        # How the key lies is said by the welcome.
        self._is_new, self._notice = is_new, ""
        try:
            await self._go_online(peer)
        finally:
            self._changed()

    async def _edit(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).register(**_given(content))
        self.send({"saved": True})
        self._changed()

    async def _end_welcome(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """The person has seen it, and wants to go on to a part or not."""
        self._is_new = False
        self.redraw.soon()
        if content.get("part"):
            self._select(str(content["part"]))

    async def _start(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        await self._go_online(await self.session.peer())
        self._changed()

    async def _stop(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        await (await self.session.peer()).stop()
        self._changed()

    async def _attach(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        try:
            await (await self.session.peer()).attach(self.session.label)
        finally:
            self._changed()

    async def _detach(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        try:
            await (await self.session.peer()).detach()
            self._starved = ""
        finally:
            self._changed()

    async def _decline(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._starved = ""
        self.redraw.soon()

    async def _dismiss(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        self.redraw.soon()

    async def _go_online(self, peer: Peer) -> None:
        status = await peer.start(self.session.label)
        # That another kernel drives is said by the line itself.
        told = "" if status.role == "passenger" else peer.notice
        self._notice = " ".join(each for each in (self._notice, told) if each)

    def _changed(self) -> None:
        self.redraw.soon()
        self._on_change()


def _given(content: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(content[name]).strip() for name in FIELDS if name in content}


def _looked_up(peer: Peer) -> tuple[Status, dict[str, Any]]:
    """What the store and the disk say: the status, and what the person has said of themselves. Blocking."""
    status, details = peer.status(), peer.details
    about: dict[str, Any] = {"keys": str(peer.folder.keys)}
    if details is not None:
        about |= {
            "name": details.name,
            "affiliation": details.affiliation,
            "email": details.email,
            "interests": list(details.interests),
            "protection": KEYS[protection_of(peer.folder)],
        }
    return status, about
