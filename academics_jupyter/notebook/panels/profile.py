"""The line that says who one is and whether one is online, and the form for those who have no profile yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.status import Status

LOCAL = (
    "Your name, affiliation and what you share are published in this machine's own registry, which only the profiles"
    " of your user on this machine read."
)
SHARED = (
    "Your name, affiliation, what you share, and this machine's address while you are online are published to everyone"
    " who uses the registry that ACADEMICS_REGISTRY names."
)


class ProfilePart(Part):
    """Registering, going online and offline."""

    NAME = "profile"
    _esm: ClassVar[str] = read_static("dom.js", "profile.js")
    _css: ClassVar[str] = read_static("profile.css")

    def __init__(self, session: Session, on_change: Callable[[], None], **traits: Any) -> None:
        super().__init__(session, **traits)
        self._on_change = on_change
        self._notice = ""

    def commands(self) -> dict[str, Command]:
        """Register, start, stop, and take the notice away."""
        return {"register": self._register, "start": self._start, "stop": self._stop, "dismiss": self._dismiss}

    def subscriptions(self) -> list[Subscription]:
        """The name may be changed from a cell; links come and go."""
        return [(frozenset({"profile", "peers"}), self.redraw.soon)]

    def tick(self) -> None:
        """Going online in a cell, or in another kernel, is no change of the store."""
        self.redraw.soon()

    async def _draw(self) -> None:
        """Drawn for those without a profile too."""
        with self.errors_shown():
            peer = self.session.current
            if peer is not None:
                self._show_status(peer, await asyncio.to_thread(peer.status))

    def _show_status(self, peer: Peer, status: Status) -> None:
        told = asdict(status)
        shown = {name: told[name] for name in ("role", "profile", "name", "fingerprint", "links", "driven_by")}
        self.show(
            **shown,
            published=LOCAL if peer.settings.is_local else SHARED,
            notice=self._notice or status.registry_error,
        )

    async def _register(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self.session.peer()
        await peer.register(str(content.get("name", "")), affiliation=str(content.get("affiliation", "")))
        self._notice = peer.notice
        try:
            await self._go_online(peer)
        finally:
            self._changed()

    async def _start(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        await self._go_online(await self.session.peer())
        self._changed()

    async def _stop(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._notice = ""
        await (await self.session.peer()).stop()
        self._changed()

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
