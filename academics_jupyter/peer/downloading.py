"""Downloading: a request is a row, which any kernel of the profile can write; the driver carries it out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from academics_jupyter.errors import (
    AcademicsError,
    NotStartedError,
    StoreError,
    TransferError,
    UnknownTargetError,
    UsageError,
)
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import DownloadFailed, DownloadFinished
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.peer.gathering import MOST_HOLDERS, Gathering
from academics_jupyter.peer.holdings import copy_out, held_path
from academics_jupyter.peer.parts import part_for
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.peer.transfer import Part, Transfer
from academics_jupyter.peer.trees import TreeService
from academics_jupyter.peer.workers import Workers
from academics_jupyter.store.downloads import ENDED, Download

MOST_THREADS = 64
LOOK_INTERVAL_S = 4.0
LOOKS = 2
"""Another process needs a moment to take over from a driver that has ended."""

log = logging.getLogger(__name__)


class DownloadingService:
    """Asking for downloads and waiting for them; no link needed."""

    def __init__(self, context: Context, exploring: ExploringService, trees: TreeService) -> None:
        self._context, self._exploring, self._trees = context, exploring, trees

    async def request(self, resource: str, folder: Path | None = None, file: str = "") -> Download:
        """Ask for a resource or, of one that is a folder, for the `file` with that path in it.

        Raises UnknownTargetError where nobody describes it or it has no such file, UsageError for a bad folder; and as
        `TreeService.tree`.
        """
        if folder is not None:
            folder = await asyncio.to_thread(_existing_folder, folder)
        listing = await self._exploring.listing(resource)
        if listing is None:
            raise UnknownTargetError(f"Nobody describes {resource[:12]}… any more: %explore shows what there is.")
        shown = listing.resource
        wanted, name, size_bytes = shown.id, shown.file_name, shown.size_bytes
        if file:
            chosen = await self._trees.file(shown, file)
            wanted, name, size_bytes = chosen.root, chosen.path[-1], chosen.size_bytes
        return await asyncio.to_thread(
            self._context.store.downloads.request,
            wanted,
            name,
            size_bytes,
            str(folder or ""),
            self._context.clock.now_ms(),
            shown.id if file else "",
        )

    async def repeat(self, download: int, folder: Path | None = None) -> Download:
        """Ask anew for what a download was for, into `folder` where one is given.

        Raises UnknownTargetError where there is no such download, UsageError for a bad folder.
        """
        if folder is not None:
            folder = await asyncio.to_thread(_existing_folder, folder)
        row = self._context.store.downloads.get(download)
        if row is None:
            raise UnknownTargetError(f"There is no download {download}.")
        return await asyncio.to_thread(
            self._context.store.downloads.request,
            row.resource,
            row.name,
            row.size_bytes,
            row.folder if folder is None else str(folder),
            self._context.clock.now_ms(),
            row.inside,
        )

    async def ended(self, download: int, on_progress: Callable[[Download], None] | None = None) -> Download:
        """Wait until a download has ended, in whichever process it runs.

        Raises TransferError where it failed, NotStartedError where no process is left to go on with it.
        """
        with self._context.changes.watched("downloads") as changed:
            while True:
                changed.clear()
                row = self._context.store.downloads.get(download)
                if row is None:
                    raise TransferError("The download was removed.")
                if on_progress is not None:
                    on_progress(row)
                if row.state in ENDED:
                    break
                await self._news_of(row, changed)
        if row.state == "failed":
            raise TransferError(row.error)
        if row.state == "cancelled":
            raise TransferError(f"The download of {row.name} was cancelled; download it again to go on with it.")
        return row

    async def _news_of(self, row: Download, changed: asyncio.Event) -> None:
        """Wait for `changed`, as long as some process drives, or has only just ceased to."""
        undriven = 0
        while not changed.is_set():
            await either(changed, timeout_s=LOOK_INTERVAL_S)
            driven = self._context.driving or await asyncio.to_thread(self._context.folder.driver) is not None
            undriven = 0 if driven else undriven + 1
            if undriven == LOOKS and not changed.is_set():
                raise NotStartedError(f"Your peer is offline, and {row.name} waits for it: %academics start goes on.")

    async def cancel(self, download: int) -> None:
        """End a download that has not ended; what is verified stays for the next time."""
        row = self._context.store.downloads.get(download)
        if row is not None and row.state not in ENDED:
            await asyncio.to_thread(self._context.store.downloads.turn, download, "cancelled")

    async def pause(self, download: int) -> None:
        """Hold a download until it is told to go on; what is verified stays."""
        await asyncio.to_thread(self._context.store.downloads.turn, download, "paused")

    async def go_on(self, download: int) -> None:
        """Go on with a paused download."""
        await asyncio.to_thread(self._context.store.downloads.turn, download, "waiting")

    def all(self) -> list[Download]:
        """Every download, the latest first."""
        return sorted(self._context.store.downloads.all(), key=lambda row: -row.id)


class Downloader:
    """Carries downloads out, a few at once; runs at the driver."""

    def __init__(
        self,
        context: Context,
        mesh: Mesh,
        exploring: ExploringService,
        sharing: SharingService,
        trees: TreeService,
        *,
        loopback: bool,
    ) -> None:
        self._context, self._mesh, self._exploring, self._sharing = context, mesh, exploring, sharing
        self._trees = trees
        self._loopback = loopback
        self._running: dict[int, asyncio.Task[None]] = {}
        self._resources: dict[int, str] = {}
        self._transfers: dict[int, Transfer] = {}
        self._workers = Workers()
        holders = MOST_HOLDERS * context.settings.downloads_at_once
        self._receiving = ThreadPoolExecutor(min(MOST_THREADS, holders), thread_name_prefix="academics-receiving")
        self._stopping = False

    async def serve(self) -> None:
        """Start what is asked for, and stop what was cancelled, for ever."""
        with self._context.changes.watched("downloads") as changed:
            try:
                while True:
                    changed.clear()
                    self._start_and_stop()
                    await changed.wait()
            finally:
                self._stopping = True
                tasks = list(self._running.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.to_thread(self._workers.close)
                self._receiving.shutdown()

    def _start_and_stop(self) -> None:
        downloads = self._context.store.downloads
        for download, task in self._running.items():
            # One that has finished or failed is ending by itself, and has yet to tell.
            if (row := downloads.get(download)) is None or row.state in ("cancelled", "paused"):
                task.cancel()
        for row in downloads.pending():
            # One resource has one part: who wants it in two folders gets the second copy from the first.
            if row.id in self._running or row.resource in self._resources.values():
                continue
            if len(self._running) < self._context.settings.downloads_at_once:
                self._resources[row.id] = row.resource
                task = asyncio.create_task(self._carry_out(row), name=f"academics-download-{row.id}")
                self._running[row.id] = task
                task.add_done_callback(partial(self._ended, row.id))

    def _ended(self, download: int, _task: asyncio.Task[None]) -> None:
        self._running.pop(download, None)
        self._resources.pop(download, None)
        if not self._stopping:
            self._start_and_stop()

    async def _carry_out(self, row: Download) -> None:
        try:
            path = await self._download(row)
        except AcademicsError as error:
            await self._fail(row, str(error))
        except OSError as error:
            await self._fail(row, f"The disk refused: {error.strerror or error}. Mend that, then download again.")
        except Exception:
            log.exception("a download ended in a fault of this program")
            await self._fail(row, "A fault in this program ended the download; the log says more.")
        else:
            self._context.events.tell(DownloadFinished(row.id, row.resource, str(path)))

    async def _fail(self, row: Download, error: str) -> None:
        while True:
            try:
                await asyncio.to_thread(self._context.store.downloads.turn, row.id, "failed", error=error)
                break
            except StoreError as failure:
                # On a disk that somebody else has filled: it is told as soon as that can be written.
                log.warning("cannot write that a download failed: %s", failure)
                await asyncio.sleep(LOOK_INTERVAL_S)
        self._context.events.tell(DownloadFailed(row.id, row.resource, error))

    async def _download(self, row: Download) -> Path:
        path = await asyncio.to_thread(held_path, self._context, row.resource)
        if path is None:
            path = await self._fetch(row, await part_for(self._context, self._trees, row))
        if row.folder:
            path = await asyncio.to_thread(copy_out, self._context, row.resource, path, Path(row.folder), row.name)
        await asyncio.to_thread(
            self._context.store.downloads.turn, row.id, "finished", done_bytes=row.size_bytes, path=str(path)
        )
        return path

    async def _fetch(self, row: Download, part: Part) -> Path:
        """Bring all of a part, and keep it. Raises TransferError or StoreError; what was verified stays."""
        try:
            await asyncio.to_thread(part.open, self._reserved_bytes())
            transfer = await asyncio.to_thread(Transfer, part, self._workers)
            self._transfers[row.id] = transfer
            await Gathering(
                self._context, self._mesh, self._exploring, self._receiving, row, transfer, loopback=self._loopback
            ).run()
            return await asyncio.to_thread(self._keep, row, part)
        finally:
            self._transfers.pop(row.id, None)
            part.close()

    def _reserved_bytes(self) -> int:
        """What the other downloads that are under way will still fill."""
        return sum(each.contents.size_bytes - each.progress()[0] for each in self._transfers.values())

    def _keep(self, row: Download, part: Part) -> Path:
        held = part.finish(row.name, self._context.clock.now_ms())
        self._sharing.hold(held)
        return self._context.repository.path_of(held)


def _existing_folder(folder: Path) -> Path:
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {str(folder)!r} to download to: make it, or name another.")
    return folder
