"""Sharing from the panel: files of the browser's machine and of the server's, and what is shared already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.panels.part import Command, Subscription, read_static
from academics_jupyter.notebook.panels.upload_part import UploadPart, kept_row

TEXTS = ("title", "authors", "abstract", "keywords", "license", "doi")
EARLIEST_YEAR = 1000
LATEST_YEAR = 9999


class SharePart(UploadPart):
    """Takes files in, shows what was found in them, and lists the repository."""

    NAME = "share"
    _esm: ClassVar[str] = read_static("dom.js", "uploads.js", "share.js")
    _css: ClassVar[str] = read_static("share.css")

    def commands(self) -> dict[str, Command]:
        """The steps of an upload, sharing a path, and what can be done with a shared resource."""
        return super().commands() | {"describe": self._describe, "unshare": self._unshare}

    def subscriptions(self) -> list[Subscription]:
        """Files and descriptions."""
        return [(frozenset({"files", "resources"}), self.redraw.soon)]

    async def draw(self) -> None:
        """The repository."""
        peer = self.peer
        if peer is None or not self.sight:
            return
        self.show(repository=[kept_row(kept) for kept in await peer.sharing.kept()])

    async def _describe(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        given = content["fields"]
        description: dict[str, Any] = {name: str(given[name]).strip() for name in TEXTS if name in given}
        if str(given.get("year", "")).strip():
            description["year"] = _year(str(given["year"]))
        peer = await self.registered()
        resource = str(content["resource"])
        await peer.describe(resource, **description)
        self.send({"saved": resource})
        self.redraw.soon()

    async def _unshare(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self.registered()
        await peer.unshare(str(content["resource"]), delete=bool(content.get("delete")))
        self.redraw.soon()


def _year(text: str) -> int:
    if text.strip().isdigit() and EARLIEST_YEAR <= int(text) <= LATEST_YEAR:
        return int(text)
    raise UsageError(f"{text!r} is not a year: four digits.")
