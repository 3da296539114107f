"""The downloads: how far, from whom, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer
from academics_jupyter.store.downloads import UNFINISHED, Download

MOST_ROWS = 100


class DownloadsPart(Part):
    """Lists the downloads, the latest first; `on_count` is told how many are under way."""

    NAME = "downloads"
    _esm: ClassVar[str] = read_static("dom.js", "downloads.js")
    _css: ClassVar[str] = read_static("downloads.css")

    def __init__(self, session: Session, on_count: Callable[[int], None], **traits: Any) -> None:
        super().__init__(session, **traits)
        self._on_count = on_count

    def commands(self) -> dict[str, Command]:
        """Cancel, and try again."""
        return {"cancel": self._cancel, "again": self._again}

    def subscriptions(self) -> list[Subscription]:
        """Progress is written to the store."""
        return [(frozenset({"downloads"}), self.redraw.soon)]

    async def draw(self) -> None:
        """The rows, and how many are under way even where nobody looks."""
        peer = self.peer
        if peer is None:
            return
        downloads = peer.downloads()
        self._on_count(sum(row.state in UNFINISHED for row in downloads))
        if self.sight:
            self.show(downloads=[_row(peer, row) for row in downloads[:MOST_ROWS]])

    async def _cancel(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).downloading.cancel(int(content["download"]))

    async def _again(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self.session.peer()
        await peer.request_download(str(content["resource"]), str(content.get("folder") or "") or None)


def _row(peer: Peer, download: Download) -> dict[str, Any]:
    return {
        "id": download.id,
        "resource": download.resource,
        "name": download.name,
        "size_bytes": download.size_bytes,
        "done_bytes": download.done_bytes,
        "rate_bytes_s": download.rate_bytes_s,
        "state": download.state,
        "error": download.error,
        "holders": [peer.exploring.name_of(holder) for holder in download.holders],
        "path": download.path,
        "folder": download.folder,
        "finished_at_ms": download.finished_at_ms,
    }
