"""The panel: a line about oneself, tabs, and under them Explore, Share, Downloads and Chat."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Any

import ipywidgets

from academics_jupyter.errors import AcademicsError, StoreError
from academics_jupyter.notebook.panels.chat import ChatPart
from academics_jupyter.notebook.panels.downloads import DownloadsPart
from academics_jupyter.notebook.panels.explore import ExplorePart
from academics_jupyter.notebook.panels.part import Part
from academics_jupyter.notebook.panels.profile import ProfilePart
from academics_jupyter.notebook.panels.share import SharePart
from academics_jupyter.notebook.panels.tabs import FIRST, Tabs
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer

TICK_S = 3.0
ROOT_CLASS = "academics-panel"
UNREGISTERED_CLASS = "academics-unregistered"


class Panel(ipywidgets.VBox):
    """All that a person does with their peer, in one widget.

    Made where the session has already run something on the kernel's loop, as every magic has.
    """

    def __init__(self, session: Session) -> None:
        panel = secrets.token_hex(4)
        self.session = session
        self.tabs = Tabs(panel=panel)
        self.profile = ProfilePart(session, self._follow, self._select, panel=panel)
        shown = {"panel": panel, "selected": FIRST}
        self.explore = ExplorePart(session, self._write_to, **shown)
        self.share = SharePart(session, lambda: self._select(SharePart.NAME), **shown)
        self.downloads = DownloadsPart(session, lambda count: self.tabs.count(downloads=count), **shown)
        self.chat = ChatPart(session, lambda count: self.tabs.count(chat=count), **shown)
        self.parts: tuple[Part, ...] = (self.profile, self.explore, self.share, self.downloads, self.chat)
        self._links = [ipywidgets.jslink((self.tabs, "selected"), (part, "selected")) for part in self.parts[1:]]
        self._followed: Peer | None = None
        self._unfollow: list[Callable[[], None]] = []
        self._watching: asyncio.Task[None] | None = None
        super().__init__(children=[self.profile, self.tabs, *self.parts[1:]])
        self.add_class(ROOT_CLASS).add_class(UNREGISTERED_CLASS)
        session.submit(self._begin())

    def close(self) -> None:
        """Stop following the peer and take the widgets away."""
        ending = self._end()
        try:
            self.session.submit(ending)
        except (AcademicsError, RuntimeError):
            # There is no loop any more, and so nothing that runs on it.
            ending.close()
        for widget in (*self._links, *self.parts, self.tabs):
            widget.close()
        super().close()

    async def _begin(self) -> None:
        with self.profile.errors_shown():
            await self.session.peer()
        self._follow()
        self.profile.redraw.soon()
        self._watching = asyncio.create_task(self._watch(), name="academics-panel")

    async def _end(self) -> None:
        self._stop_following()
        if self._watching is not None:
            self._watching.cancel()
        for part in self.parts:
            await part.release()

    async def _watch(self) -> None:
        """See to what changes without news: another profile, a peer started elsewhere, people who are gone."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.session.current is not None and self._followed is None:
                # Another kernel may have registered meanwhile.
                with self.profile.errors_shown():
                    await self.session.peer()
            self._follow()
            if any(part.sight for part in self.parts):
                for part in self.parts:
                    part.tick()

    def _follow(self) -> None:
        """Be told of the changes of the session's peer, whichever that is now."""
        peer = self.profile.peer
        if peer is self._followed:
            return
        self._stop_following()
        self._followed = peer
        self.tabs.registered = peer is not None
        if peer is None:
            self.add_class(UNREGISTERED_CLASS)
        else:
            self.remove_class(UNREGISTERED_CLASS)
        if peer is not None:
            subscriptions = [each for part in self.parts for each in part.subscriptions()]
            self._unfollow = [peer.on_change(topics, callback) for topics, callback in subscriptions]
        for part in self.parts:
            part.redraw.soon()
            part.refresh()

    def _stop_following(self) -> None:
        self._followed = None
        for unfollow in self._unfollow:
            # The store of a profile that has been closed has no subscribers any more.
            with contextlib.suppress(StoreError):
                unfollow()
        self._unfollow = []

    def _select(self, part: str) -> None:
        self.tabs.selected = part

    def _write_to(self, peer: str) -> None:
        self._select(ChatPart.NAME)
        asyncio.get_running_loop().create_task(self.chat.converse(peer))

    def _repr_keys(self) -> Any:
        """A short text for where widgets are not drawn."""
        return []
