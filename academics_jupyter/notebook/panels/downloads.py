"""The downloads: how far, from whom, what can be done about them, and what has come at a glance."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from academics_jupyter.errors import StoreError, UnknownTargetError
from academics_jupyter.notebook.panels.download_help import help_text
from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.session import Session
from academics_jupyter.notebook.viewing import View, view
from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.durations import left_text
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.store.downloads import UNFINISHED, Download, Share

MOST_ROWS = 100
ORDER = ("active", "paused", "waiting", "failed", "cancelled", "finished")
HELPED = ("failed", "waiting", "paused")
HELP_INTERVAL_S = 1.0


class DownloadsPart(Part):
    """Lists the downloads, those under way first; `on_count` is told how many those are."""

    NAME = "downloads"
    _esm: ClassVar[str] = read_static("dom.js", "jupyter.js", "reveal.js", "viewing.js", "transfer.js", "downloads.js")
    _css: ClassVar[str] = read_static("downloads.css")

    def __init__(self, session: Session, on_count: Callable[[int], None], **traits: Any) -> None:
        super().__init__(session, **traits)
        self._on_count = on_count
        self._helping = Repeated(self._help, HELP_INTERVAL_S)

    def commands(self) -> dict[str, Command]:
        """Pause, continue, cancel, try again; see what has come, put a copy beside the notebook; tidy up."""
        return {
            "clear": self._clear,
            "forget": self._forget,
            "pause": self._pause,
            "continue": self._continue,
            "cancel": self._cancel,
            "again": self._again,
            "view": self._view,
            "copy": self._copy,
        }

    def subscriptions(self) -> list[Subscription]:
        """Progress is written to the store; who comes may help with what has failed."""
        return [
            (frozenset({"downloads"}), self.redraw.soon),
            (frozenset({"presences", "holdings"}), self._helping.soon),
        ]

    def tick(self) -> None:
        """Going online or offline is no change of the store."""
        self._helping.soon()

    async def release(self) -> None:
        """Look for help no more."""
        await self._helping.stop()
        await super().release()

    async def draw(self) -> None:
        """The rows, and how many are under way even where nobody looks."""
        peer = self.peer
        if peer is None:
            return
        downloads = peer.downloads()
        under_way = [row for row in downloads if row.state in UNFINISHED]
        self._on_count(len(under_way))
        if self.sight:
            # Of many, the ones that run are not the latest.
            rows = sorted(downloads, key=lambda row: ORDER.index(row.state))
            self.show(
                downloads=[_row(peer, row) for row in rows[:MOST_ROWS]],
                more=max(len(rows) - MOST_ROWS, 0),
                counts=dict(Counter(row.state for row in rows)),
                here=_working_folder(),
                home=home_folder(),
            )
            if any(row.state in HELPED for row in rows):
                self._helping.soon()

    async def _help(self) -> None:
        peer = self.peer
        if peer is None or not self.sight:
            return
        rows = [row for row in self.state.get("downloads", []) if row["state"] in HELPED]
        # A profile that is being closed or exchanged meanwhile is no news to anybody.
        with contextlib.suppress(StoreError):
            if rows:
                self.show(**await asyncio.to_thread(_help_with, peer, rows))

    async def _clear(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).clear_downloads(*map(str, content["states"]))

    async def _forget(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).forget_download(int(content["download"]))

    async def _pause(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).pause_download(int(content["download"]))

    async def _continue(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).continue_download(int(content["download"]))

    async def _cancel(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self.session.peer()).cancel_download(int(content["download"]))

    async def _again(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer, former = await self.session.peer(), int(content["download"])
        if (await peer.repeat_download(former)).id != former:
            await peer.forget_download(former)

    async def _view(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        row = _finished(await self.session.peer(), int(content["download"]))
        try:
            seen = await view(Path(row.path), row.resource)
        except StoreError as error:
            seen = View(about=str(error))
        self.send({"viewed": row.id, "view": msgspec.to_builtins(seen)})

    async def _copy(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Put what has come into the folder that the kernel works in, unless a copy of it was put there before."""
        peer = await self.session.peer()
        row, here = _finished(peer, int(content["download"])), _working_folder()
        path = await asyncio.to_thread(_copied_before, peer, row, here)
        if path is None:
            path = await peer.finish_download(await peer.repeat_download(row.id, here))
        self.send({"copied": str(content.get("key")), "path": str(path)})


def _finished(peer: Peer, download: int) -> Download:
    for row in peer.downloads():
        if row.id == download and row.state == "finished":
            return row
    raise UnknownTargetError(f"Download {download} has not finished.")


def _copied_before(peer: Peer, row: Download, folder: str) -> Path | None:
    for other in peer.downloads():
        if (other.resource, other.folder, other.state) == (row.resource, folder, "finished") and Path(
            other.path
        ).exists():
            return Path(other.path)
    return None


def home_folder() -> str:
    """What `~` stands for; `Path.home()` would raise where it stands for nothing."""
    return os.path.expanduser("~")  # noqa: PTH111


def _working_folder() -> str:
    """Where the kernel works, mostly the notebook's own folder; empty where that is gone."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""


def _help_with(peer: Peer, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    driven = peer.status().role != "stopped"
    failed = {row["resource"] for row in rows if row["state"] == "failed"}
    return {
        "offline": not driven,
        "help": {resource: help_text(peer, resource, driven=driven) for resource in sorted(failed)},
    }


def _row(peer: Peer, download: Download) -> dict[str, Any]:
    return {
        "id": download.id,
        "resource": download.resource,
        "name": download.name,
        "size_bytes": download.size_bytes,
        "done_bytes": download.done_bytes,
        "rate_bytes_s": download.rate_bytes_s,
        "left": left_text(download.left_s),
        "state": download.state,
        "error": download.error,
        "pieces": download.pieces if download.state in UNFINISHED else "",
        "holders": [_holder(peer, share) for share in download.holders],
        "path": download.path,
        "folder": download.folder,
        "finished_at_ms": download.finished_at_ms,
    }


def _holder(peer: Peer, share: Share) -> dict[str, Any]:
    return {
        "name": peer.exploring.name_of(share.peer),
        "fingerprint": fingerprint(share.peer),
        "given_bytes": share.given_bytes,
        "rate_bytes_s": share.rate_bytes_s,
    }
