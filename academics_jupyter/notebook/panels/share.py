"""Sharing from the panel: what is chosen is looked at and shown for correction, published, and kept account of."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from academics_jupyter.errors import RegistryError, StoreError
from academics_jupyter.notebook.panels.browsing import look_into
from academics_jupyter.notebook.panels.downloads import home_folder
from academics_jupyter.notebook.panels.draft_rows import Drafting, description_of
from academics_jupyter.notebook.panels.part import Command, Subscription, read_static
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.upload_part import UploadPart, kept_row
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.sharing import Kept
from academics_jupyter.peer.uptake import Uptake

MOST_ROWS = 100
COUNTING_INTERVAL_S = 1.0
LEARNING_INTERVAL_S = 15.0
MOST_LEARNT = 40
"""Of so many rows the registry is asked at a time who holds them."""


class SharePart(UploadPart):
    """Takes files in, shows what was found in them before it is published, and lists the repository."""

    NAME = "share"
    _esm: ClassVar[str] = read_static(
        "dom.js", "reveal.js", "uploads.js", "describing.js", "drafts.js", "folders.js", "repository.js", "share.js"
    )
    _css: ClassVar[str] = read_static("share.css")

    def __init__(self, session: Session, on_offer: Callable[[], None], **traits: Any) -> None:
        self._drafting = Drafting(self)
        super().__init__(session, **traits)
        self._on_offer = on_offer
        self._words = ""
        self._shown: list[str] = []
        self._drawing = asyncio.Lock()
        self._counting = Repeated(self._count, COUNTING_INTERVAL_S)
        self._learning = Repeated(self._learn, LEARNING_INTERVAL_S)

    async def offer(self, path: str | Path) -> None:
        """Bring a file or folder of the server's disk before the person, who may correct and publish what was found.

        What goes wrong is shown there too, and not raised.
        """
        self._on_offer()
        await self._drafting.offer(f"offer-{path}", Path(path))

    def commands(self) -> dict[str, Command]:
        """The steps of an upload and of a draft, looking into folders, and what can be done with what is shared."""
        return (
            super().commands()
            | self._drafting.commands()
            | {
                "browse": self._browse,
                "find": self._find,
                "describe": self._describe,
                "unshare": self._unshare,
            }
        )

    def subscriptions(self) -> list[Subscription]:
        """Drafts, files and descriptions, and who holds them."""
        return [
            (frozenset({"files", "resources", "drafts"}), self.redraw.soon),
            (frozenset({"holdings"}), self._counting.soon),
        ]

    def refresh(self) -> None:
        """Learn who has downloaded what while this peer was away."""
        self.tick()

    def tick(self) -> None:
        """News may be missed; the registry has it."""
        if self.sight:
            self._learning.soon()

    async def release(self) -> None:
        """What is still on its way stays with the browser; drafts are in the store."""
        await self._counting.stop()
        await self._learning.stop()
        await super().release()

    async def take_whole(self, key: str, path: Path) -> None:
        """What has come is looked at, and shown for correction."""
        await self._drafting.offer(key, path, brought=True)

    async def draw(self) -> None:
        """The drafts, and the repository."""
        peer = self.peer
        if peer is not None and self.sight:
            # One after the other, so that what was read first is not shown last.
            async with self._drawing:
                await self._draw_rows(peer)

    async def _draw_rows(self, peer: Peer) -> None:
        kept = await peer.sharing.kept()
        words = self._words.casefold().split()
        fitting = [each for each in kept if all(word in _text_of(each) for word in words)]
        shown = fitting[:MOST_ROWS]
        self._shown = [each.resource.id for each in shown]
        uptake = await peer.uptake.of(self._shown)
        self.show(
            drafts=await asyncio.to_thread(self._drafting.rows, peer),
            repository=[kept_row(each) | _counts(uptake[each.resource.id]) for each in shown],
            kept=len(kept),
            more=len(fitting) - len(shown),
            home=home_folder(),
        )

    async def _count(self) -> None:
        """Whom a large network tells of all day is not drawn anew for what others hold."""
        peer = self.peer
        if peer is None or not self.sight or not self._shown:
            return
        # A profile that is being closed or exchanged meanwhile is no news to anybody.
        with contextlib.suppress(StoreError):
            async with self._drawing:
                uptake = await peer.uptake.of(self._shown)
                rows = self.state.get("repository", [])
                self.show(repository=[row | _counts(uptake[row["id"]]) for row in rows])

    async def _learn(self) -> None:
        peer = self.peer
        if peer is None or not self.sight:
            return
        # That the registry does not answer is said by the line about oneself; what is known here is shown.
        with contextlib.suppress(RegistryError, StoreError):
            if not self._shown:
                await self.draw()
            await peer.uptake.learn(self._shown[:MOST_LEARNT])
            self._counting.soon()

    async def _browse(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await self.registered()
        self.send({"folder": await asyncio.to_thread(look_into, str(content.get("path", "")))})

    async def _find(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._words = str(content["words"])
        self.redraw.soon()

    async def _describe(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer, resource = await self.registered(), str(content["resource"])
        await peer.sharing.describe(resource, description_of(content["fields"]))
        self.send({"saved": resource})
        self.redraw.soon()

    async def _unshare(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self.registered()
        await peer.unshare(str(content["resource"]), delete=bool(content.get("delete")))
        self.redraw.soon()


def _text_of(kept: Kept) -> str:
    resource = kept.resource
    return " ".join((resource.title, resource.file_name, *map(str, resource.authors), *resource.keywords)).casefold()


def _counts(uptake: Uptake) -> dict[str, int]:
    return {"holders": uptake.holders, "downloads": uptake.downloads}
