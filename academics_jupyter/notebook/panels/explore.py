"""Exploring from the panel: search, what can be downloaded now, and from whom; and who is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from academics_jupyter.errors import StoreError, UnknownTargetError
from academics_jupyter.notebook.panels.downloads import home_folder
from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.panels.people import PeopleView
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.resource_rows import LISTED_HOLDERS, detail, resource_rows
from academics_jupyter.notebook.session import Session
from academics_jupyter.notebook.viewing import View, view
from academics_jupyter.peer.exploring import Listing
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.people import Person
from academics_jupyter.registry.port import Order, Place, Query

PAGE = 50
REFRESH_INTERVAL_S = 10.0
"""What is written into the registry by those with whom there is no link comes without any news."""

NEWS_INTERVAL_S = 2.0
"""The registry is asked no more often than this because of what is news; a person's own query is asked at once."""

LOOK_INTERVAL_S = 0.2
"""Who is there is looked up no more often than this: every round trip that is measured changes the peers."""

MAX_YEAR = 9999
ASKED = (
    "words", "available", "author", "keyword", "kind", "year_from", "year_to", "sharer", "sharer_name", "order",
)  # fmt: skip
"""What the form asks for; a view that is drawn anew begins with it."""

SCRIPTS = (
    "dom.js", "jupyter.js", "viewing.js", "reveal.js", "listing.js", "explore_detail.js", "explore_search.js",
    "people_view.js", "explore.js",
)  # fmt: skip


class ExplorePart(Part):
    """Shows what a query finds, and keeps it true while it is in sight; `on_write` opens a conversation."""

    NAME = "explore"
    _esm: ClassVar[str] = read_static(*SCRIPTS)
    _css: ClassVar[str] = read_static("explore.css", "people_view.css")

    def __init__(self, session: Session, on_write: Callable[[str], None], **traits: Any) -> None:
        self._on_write = on_write
        self._query = Query(limit=PAGE)
        self._places: list[Place | None] = [None]
        self._page = 0
        self._asked = 0
        self._finds = self._found = 0
        self._shown: dict[str, None] = {}
        self._listings: dict[str, Listing] = {}
        self._opened = ""
        self._mode = "resources"
        self._refreshed_s = 0.0
        self._refreshing = Repeated(self._find_again, NEWS_INTERVAL_S)
        self._online: frozenset[str] = frozenset()
        self._looking = Repeated(self._look_who_is_there, LOOK_INTERVAL_S)
        self._people = PeopleView(self, lambda: bool(self.sight) and self._mode == "people")
        super().__init__(session, **traits)

    def commands(self) -> dict[str, Command]:
        """Search, turn the page, open a row; download, go on with what was paused, view it, write to somebody."""
        return {
            "search": self._search,
            "turn": self._turn,
            "open": self._open,
            "mode": self._turn_to,
            "download": self._download,
            "continue": self._continue,
            "view": self._view,
            "write": self._write,
        } | self._people.commands()

    def subscriptions(self) -> list[Subscription]:
        """What exists comes from the registry; who is there, what we have and are getting, from the store."""
        return [
            (frozenset({"resources", "holdings", "presences", "profiles"}), self.refresh),
            (frozenset({"peers"}), self._looking.soon),
            (frozenset({"downloads", "files"}), self.redraw.soon),
        ]

    def tick(self) -> None:
        """Ask again after a while."""
        if time.monotonic() - self._refreshed_s >= REFRESH_INTERVAL_S:
            self._refreshed_s = time.monotonic()
            self.refresh()

    def refresh(self) -> None:
        """Repeat the query soon."""
        self._people.refresh()
        if self.sight and self._mode == "resources":
            self._refreshing.soon()

    async def release(self) -> None:
        """Ask no more."""
        await self._looking.stop()
        await self._refreshing.stop()
        await self._people.release()
        await super().release()

    async def draw(self) -> None:
        """What is held and on its way; the listings are drawn as the registry answers."""
        peer = self.peer
        if peer is None or not self.sight:
            return
        held = {each.resource.id: str(each.path) for each in await peer.sharing.kept()}
        downloads = {}
        for row in reversed(peer.downloads()):
            downloads[row.resource] = {
                "id": row.id,
                "state": row.state,
                "done_bytes": row.done_bytes,
                "size_bytes": row.size_bytes,
                "error": row.error,
            }
        self.show(held=held, downloads=downloads, home=home_folder())

    async def _search(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._query = _query(content)
        self._begin(page=0, places=[None])
        self.show(query={name: content.get(name) for name in ASKED})
        await self._find()

    async def _turn(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        page = int(content["page"])
        if 0 <= page < len(self._places):
            self._begin(page, self._places)
            await self._find()

    def _begin(self, page: int, places: list[Place | None]) -> None:
        self._page, self._places, self._shown = page, places, {}
        self._asked += 1

    async def _turn_to(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Look at the resources or at the people."""
        self._mode = "people" if content.get("mode") == "people" else "resources"
        self.show(mode=self._mode)
        self.refresh()

    async def _open(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Tell of a resource all there is, whether it is on this page or not; with "", of none."""
        self._opened = str(content.get("resource", ""))
        peer = self.peer
        if peer is not None:
            await self._show_detail(peer)

    async def _look_who_is_there(self) -> None:
        """Repeat the query where somebody has come or gone, as that changes what can be downloaded."""
        peer = self.peer
        if peer is None or not self.sight:
            return
        # A store that cannot be read is the query's to tell of; one that is being closed, nobody's.
        with suppress(StoreError):
            contacts = await peer.exploring.contacts()
            online = frozenset(f"{contact.peer}{contact.busy}" for contact in contacts if contact.online)
            if online != self._online:
                self._online = online
                self.refresh()

    async def _find_again(self) -> None:
        with self.errors_shown():
            await self._find()

    async def _find(self) -> None:
        """Ask for the page in force; an answer that a later one or a later question has overtaken is dropped."""
        peer, asked, page = self.peer, self._asked, self._page
        if peer is None:
            return
        self._finds = find = self._finds + 1
        self._refreshed_s = time.monotonic()
        explored = await peer.find(replace(self._query, after=self._places[page]))
        rows = await asyncio.to_thread(resource_rows, peer, explored.listings)
        left = await self._left(peer, {row["id"] for row in rows})
        if asked != self._asked or find < self._found:
            return
        self._found = find
        self._places[page + 1 :] = [explored.next] if explored.next else []
        self._shown |= dict.fromkeys(row["id"] for row in rows)
        self._listings = {each.resource.id: each for each in explored.listings}
        self.show(
            asked=asked,
            words=" ".join(self._query.words),
            rows=rows,
            left=left,
            page=page,
            more=explored.next is not None,
            notice=explored.notice,
        )
        await self._show_detail(peer)

    async def _left(self, peer: Peer, found: set[str]) -> dict[str, Any]:
        """What was on this page and is not any more, by id: its row, or None where nobody offers it.

        Somebody may be reading there.
        """
        missing = [resource for resource in self._shown if resource not in found]
        if not missing:
            return {}
        known = await peer.exploring.remembered(missing)
        rows = await asyncio.to_thread(resource_rows, peer, known.values())
        return dict.fromkeys(missing) | {row["id"]: row for row in rows}

    async def _show_detail(self, peer: Peer) -> None:
        opened = self._opened
        if not opened:
            self.show(detail=None, beside=None)
            return
        listing = self._listings.get(opened) or await peer.exploring.listing(opened)
        if listing is None:
            self.show(detail=None, beside=None)
            return
        named = dict.fromkeys([listing.resource.peer, *listing.online_holders, *listing.holders])
        people = await peer.exploring.known(list(named)[: LISTED_HOLDERS + 1])
        versions = await peer.exploring.versions(listing.resource)
        told = await asyncio.to_thread(detail, peer, listing, people, versions)
        beside = None if opened in self._listings else await asyncio.to_thread(_row_beside, peer, listing, people)
        if opened == self._opened:
            self.show(detail=told, beside=beside)

    async def _download(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).request_download(str(content["resource"]))

    async def _continue(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).continue_download(int(content["download"]))

    async def _view(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Show at a glance what is held."""
        resource = str(content["resource"])
        try:
            seen = await view(await self._path(resource), resource)
        except StoreError as error:
            seen = View(about=str(error))
        self.send({"viewed": resource, "view": msgspec.to_builtins(seen)})

    async def _path(self, resource: str) -> Path:
        for each in await (await self.session.peer()).sharing.kept():
            if each.resource.id == resource:
                return each.path
        raise UnknownTargetError("You do not hold this any more: download it again.")

    async def _write(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._on_write(str(content["peer"]))


def _row_beside(peer: Peer, listing: Listing, people: Sequence[Person]) -> dict[str, Any]:
    """The row of what is open and not on the page, with when its holders were last seen, as has been asked since."""
    seen_ms = (person.last_seen_ms for person in people if person.peer in listing.holders)
    last_seen_ms = 0 if listing.available else max(seen_ms, default=0)
    return resource_rows(peer, [replace(listing, last_seen_ms=last_seen_ms)])[0]


def _query(content: Mapping[str, Any]) -> Query:
    """What the form asks for. A year that is none counts as not given."""
    order = str(content.get("order", ""))
    return Query(
        words=tuple(str(content.get("words", "")).split()),
        available=bool(content.get("available")),
        author=str(content.get("author", "")),
        keyword=str(content.get("keyword", "")),
        kind=str(content.get("kind", "")),
        year_from=_year(content.get("year_from")),
        year_to=_year(content.get("year_to")),
        sharer=str(content.get("sharer", "")),
        order=Order(order) if order in set(Order) else Order.BEST,
        limit=PAGE,
    )


def _year(given: Any) -> int:
    text = str(given or "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) <= MAX_YEAR else 0
