"""The resources that the open conversation names, attached or as `academics://ID`: what they are, who has them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from academics_jupyter.errors import AcademicsError, StoreError
from academics_jupyter.notebook.panels.downloads import home_folder
from academics_jupyter.notebook.panels.part import Command
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.upload_part import UploadPart
from academics_jupyter.peer.exploring import Listing
from academics_jupyter.peer.peer import Peer

PROGRESS_INTERVAL_S = 0.3
MAX_DESCRIBED = 60
"""Of one conversation, those that were last asked for: the registry is asked for each."""


class Attachments:
    """What a part shows of them, by what they are called in the messages."""

    def __init__(self, part: UploadPart) -> None:
        self._part = part
        self._described: dict[str, Listing | None] = {}
        self.redraw = Repeated(self._draw, PROGRESS_INTERVAL_S)

    def commands(self) -> dict[str, Command]:
        """Describe resources, list one's own, download."""
        return {
            "resources": self._describe,
            "mine": self._list_mine,
            "download": self._download,
            "continue": self._continue,
        }

    def forget(self) -> None:
        """Another conversation is open."""
        self._described = {}

    async def refresh(self) -> None:
        """Ask again who has what is not here."""
        for name, listing in list(self._described.items()):
            if listing is None or not listing.available:
                await self._look_up(name)
        self.redraw.soon()

    async def _describe(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        for name in [str(each) for each in content["names"]][-MAX_DESCRIBED:]:
            if name not in self._described:
                await self._look_up(name)
        while len(self._described) > MAX_DESCRIBED:
            self._described.pop(next(iter(self._described)))
        self.redraw.soon()

    async def _look_up(self, name: str) -> None:
        peer = await self._part.registered()
        try:
            self._described[name] = await peer.exploring.listing(await peer.lookup.resource(name))
        except AcademicsError:
            self._described[name] = None

    async def _draw(self) -> None:
        peer = self._part.peer
        if peer is None or not self._part.sight:
            return
        try:
            held = {each.resource.id: str(each.path) for each in await peer.sharing.kept()}
            rows = await asyncio.to_thread(_rows, peer, self._described, held)
        except StoreError as error:
            # A profile that is being closed or exchanged meanwhile is no news to anybody.
            if self._part.peer is peer:
                self._part.problem = str(error)
            return
        self._part.show(resources=rows, home=home_folder())

    async def _list_mine(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self._part.registered()
        rows = [{"id": each.resource.id, "title": each.resource.title} for each in await peer.sharing.kept()]
        self._part.send({"mine": rows})

    async def _download(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).request_download(str(content["resource"]))

    async def _continue(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).continue_download(int(content["download"]))


def _rows(peer: Peer, described: Mapping[str, Listing | None], held: Mapping[str, str]) -> dict[str, Any]:
    downloads = {row.resource: row for row in reversed(peer.downloads())}
    rows: dict[str, Any] = {}
    for name, listing in described.items():
        if listing is None:
            rows[name] = None
            continue
        resource = listing.resource
        download = downloads.get(resource.id)
        rows[name] = {
            "id": resource.id,
            "title": resource.title or resource.file_name,
            "kind": resource.kind,
            "size_bytes": resource.size_bytes,
            "files": resource.files,
            "version": resource.version,
            "available": listing.available,
            "path": held.get(resource.id, ""),
            "download": {
                "id": download.id,
                "state": download.state,
                "done_bytes": download.done_bytes,
                "size_bytes": download.size_bytes,
                "error": download.error,
            }
            if download
            else None,
        }
    return rows
