"""Exploring from the panel: search, what can be downloaded now, and from whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from academics_jupyter.errors import StoreError
from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.exploring import Listing
from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.registry.port import Query

PAGE = 50
MOST_ROWS = 500
REFRESH_INTERVAL_S = 10.0
"""What is written into the registry by those with whom there is no link comes without any news."""

NEWS_INTERVAL_S = 2.0
"""The registry is asked no more often than this because of what is news; a person's own query is asked at once."""

LOOK_INTERVAL_S = 0.2
"""Who is there is looked up no more often than this: every round trip that is measured changes the peers."""

NAMED_HOLDERS = 5


class ExplorePart(Part):
    """Shows what a query finds, and keeps it true while it is in sight; `on_write` opens a conversation."""

    NAME = "explore"
    _esm: ClassVar[str] = read_static("dom.js", "listing.js", "explore.js")
    _css: ClassVar[str] = read_static("explore.css")

    def __init__(self, session: Session, on_write: Callable[[str], None], **traits: Any) -> None:
        super().__init__(session, **traits)
        self._on_write = on_write
        self._query = Query(limit=PAGE)
        self._asked = 0
        self._refreshed_s = 0.0
        self._refreshing = Repeated(self._find_again, NEWS_INTERVAL_S)
        self._online: frozenset[str] = frozenset()
        self._looking = Repeated(self._look_who_is_there, LOOK_INTERVAL_S)

    def commands(self) -> dict[str, Command]:
        """Search, download, go on with what was paused, write to a sharer."""
        return {
            "search": self._search,
            "download": self._download,
            "continue": self._continue,
            "write": self._write,
        }

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
            self.refresh()

    def refresh(self) -> None:
        """Repeat the query soon."""
        if self.sight:
            self._refreshing.soon()

    async def release(self) -> None:
        """Ask no more."""
        await self._looking.stop()
        await self._refreshing.stop()
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
        self.show(held=held, downloads=downloads)

    async def _search(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._query = Query(
            words=tuple(str(content.get("words", "")).split()),
            available=bool(content.get("available")),
            kind=str(content.get("kind", "")),
            limit=min(max(int(content.get("limit", PAGE)), 1), MOST_ROWS),
        )
        self._asked += 1
        await self._find()

    async def _look_who_is_there(self) -> None:
        """Repeat the query where somebody has come or gone, as that changes what can be downloaded."""
        peer = self.peer
        if peer is None:
            return
        # A store that cannot be read is the query's to tell of; one that is being closed, nobody's.
        with suppress(StoreError):
            online = frozenset(contact.peer for contact in await peer.exploring.contacts() if contact.online)
            if online != self._online:
                self._online = online
                self.refresh()

    async def _find_again(self) -> None:
        with self.errors_shown():
            await self._find()

    async def _find(self) -> None:
        """Ask for the query in force; an answer that a later query has overtaken is dropped."""
        peer, query, asked = self.peer, self._query, self._asked
        if peer is None:
            return
        self._refreshed_s = time.monotonic()
        explored = await peer.find(query)
        rows = await asyncio.to_thread(_rows, peer, explored.listings)
        if asked == self._asked:
            more = len(rows) >= query.limit < MOST_ROWS
            self.show(asked=asked, words=" ".join(query.words), rows=rows, more=more, notice=explored.notice)

    async def _download(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).request_download(str(content["resource"]))

    async def _continue(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).continue_download(int(content["download"]))

    async def _write(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._on_write(str(content["peer"]))


def _rows(peer: Peer, listings: Sequence[Listing]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}

    def name_of(holder: str) -> str:
        if holder not in names:
            names[holder] = "you" if holder == peer.id else peer.exploring.name_of(holder)
        return names[holder]

    return [_row(listing, name_of, peer.id) for listing in listings]


def _online_first(listing: Listing) -> list[str]:
    return sorted(listing.holders, key=lambda holder: holder not in listing.online_holders)


def _row(listing: Listing, name_of: Callable[[str], str], me: str) -> dict[str, Any]:
    resource = listing.resource
    return {
        "id": resource.id,
        "title": resource.title,
        "authors": [str(author) for author in resource.authors],
        "year": resource.year,
        "kind": resource.kind,
        "size_bytes": resource.size_bytes,
        "files": resource.files,
        "version": resource.version,
        "previous": resource.previous,
        "newer": listing.newer,
        "file_name": resource.file_name,
        "abstract": resource.abstract,
        "keywords": list(resource.keywords),
        "doi": resource.doi,
        "license": resource.license,
        "sharer": name_of(resource.peer),
        "sharer_id": resource.peer,
        "sharer_fingerprint": fingerprint(resource.peer),
        "mine": resource.peer == me,
        "holders": [name_of(holder) for holder in _online_first(listing)[:NAMED_HOLDERS]],
        "more_holders": max(len(listing.holders) - NAMED_HOLDERS, 0),
        "available": listing.available,
    }
