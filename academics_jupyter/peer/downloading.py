"""Downloading: a request is a row, which any kernel of the profile can write; the driver carries it out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from academics_jupyter.errors import (
    AcademicsError,
    NetworkError,
    NoHolderError,
    NotStartedError,
    NotVerifiedError,
    PeerRefusedError,
    TransferError,
    UnknownTargetError,
    UsageError,
)
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.network.range_client import PATIENCE_S
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import DownloadFailed, DownloadFinished
from academics_jupyter.peer.exploring import ExploringService, Listing
from academics_jupyter.peer.fetching import PartFile, fetch_from
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.protocol.records import Presence
from academics_jupyter.store.downloads import ENDED, Download
from academics_jupyter.store.files import HeldFile

AT_ONCE = 3
NEXT_AFTER_S = 10.0
"""For how long a holder may send nothing while there is another one to go on with; the last one has PATIENCE_S."""
PROGRESS_INTERVAL_S = 0.2
LOOK_INTERVAL_S = 4.0
LOOKS = 2
"""Another process needs a moment to take over from a driver that has ended."""

log = logging.getLogger(__name__)


class DownloadingService:
    """Asking for downloads and waiting for them; no link needed."""

    def __init__(self, context: Context, exploring: ExploringService) -> None:
        self._context, self._exploring = context, exploring

    async def request(self, resource: str, folder: Path | None = None) -> Download:
        """Ask for a resource. Raises UnknownTargetError where nobody describes it, UsageError for a bad folder."""
        if folder is not None:
            folder = await asyncio.to_thread(_existing_folder, folder)
        listing = await self._exploring.listing(resource)
        if listing is None:
            raise UnknownTargetError(f"Nobody describes {resource[:12]}… any more: %explore shows what there is.")
        shown = listing.resource
        return await asyncio.to_thread(
            self._context.store.downloads.request,
            shown.id,
            shown.file_name,
            shown.size_bytes,
            str(folder or ""),
            self._context.clock.now_ms(),
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
            await asyncio.to_thread(self._context.store.downloads.update, download, state="cancelled")

    def all(self) -> list[Download]:
        """Every download, the latest first."""
        return sorted(self._context.store.downloads.all(), key=lambda row: -row.id)


class Downloader:
    """Carries downloads out, a few at once; runs at the driver."""

    def __init__(
        self, context: Context, mesh: Mesh, exploring: ExploringService, sharing: SharingService, *, loopback: bool
    ) -> None:
        self._context, self._mesh, self._exploring, self._sharing = context, mesh, exploring, sharing
        self._loopback = loopback
        self._running: dict[int, asyncio.Task[None]] = {}
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

    def _start_and_stop(self) -> None:
        downloads = self._context.store.downloads
        for download, task in self._running.items():
            # One that has finished or failed is ending by itself, and has yet to tell.
            if (row := downloads.get(download)) is None or row.state == "cancelled":
                task.cancel()
        for row in downloads.pending():
            if row.id not in self._running and len(self._running) < AT_ONCE:
                task = asyncio.create_task(self._carry_out(row), name=f"academics-download-{row.id}")
                self._running[row.id] = task
                task.add_done_callback(partial(self._ended, row.id))

    def _ended(self, download: int, _task: asyncio.Task[None]) -> None:
        self._running.pop(download, None)
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
        await asyncio.to_thread(
            self._context.store.downloads.update, row.id, state="failed", error=error, rate_bytes_s=0.0
        )
        self._context.events.tell(DownloadFailed(row.id, row.resource, error))

    async def _download(self, row: Download) -> Path:
        path = await asyncio.to_thread(self._already_held, row.resource)
        if path is None:
            part = PartFile(self._context.repository, row.resource, row.size_bytes)
            try:
                await asyncio.to_thread(part.open)
                await self._fetch(row, part)
            finally:
                part.close()
            path = await asyncio.to_thread(self._keep, row, part)
        if row.folder:
            repository = self._context.repository
            path = await asyncio.to_thread(repository.copy_out, path, Path(row.folder), row.name)
        await asyncio.to_thread(
            self._context.store.downloads.update,
            row.id,
            state="finished",
            done_bytes=row.size_bytes,
            rate_bytes_s=0.0,
            path=str(path),
        )
        return path

    def _already_held(self, resource: str) -> Path | None:
        held = self._context.store.files.get(resource)
        if held is None or not self._context.repository.still_held(held):
            return None
        return self._context.repository.path_of(held)

    def _keep(self, row: Download, part: PartFile) -> Path:
        path = self._context.repository.finish_part(row.resource, row.name)
        held = HeldFile(
            resource=row.resource,
            path=path.name,
            size_bytes=row.size_bytes,
            pieces=part.pieces,
            added_at_ms=self._context.clock.now_ms(),
            mtime_ns=path.stat().st_mtime_ns,
        )
        self._sharing.hold(held)
        return path

    async def _fetch(self, row: Download, part: PartFile) -> None:
        """Try each holder that is online until nothing is missing. Raises NoHolderError or TransferError."""
        failures: list[AcademicsError] = []
        holders = await self._online_holders(row)
        for presence in holders:
            progress = _Progress(self._context, row, part, presence)
            patience_s = PATIENCE_S if presence is holders[-1] else NEXT_AFTER_S
            try:
                await progress.started()
                link = await self._mesh.dial(presence)
                await fetch_from(link, presence, part, progress.tick, loopback=self._loopback, patience_s=patience_s)
            except (NetworkError, NotVerifiedError) as error:
                log.info("downloading %s from %s: %s", row.name, presence.name, error)
                failures.append(error)
                continue
            return
        if not failures:
            raise NoHolderError(f"Nobody who holds {row.name} is online now: try again later.")
        raise TransferError(_meaning(row, failures)) from failures[-1]

    async def _online_holders(self, row: Download) -> list[Presence]:
        listing: Listing | None = await self._exploring.listing(row.resource)
        online = await self._exploring.online()
        holders = listing.holders if listing else ()
        there = [online[peer] for peer in holders if peer in online and peer != self._context.me]
        return sorted(there, key=self._is_slow)

    def _is_slow(self, presence: Presence) -> bool:
        link = self._mesh.links.get(presence.peer)
        return presence.busy or (link is not None and link.silent)


class _Progress:
    """Writes a download's progress to the store, a few times a second."""

    def __init__(self, context: Context, row: Download, part: PartFile, presence: Presence) -> None:
        self._context, self._row, self._part, self._presence = context, row, part, presence
        self._written_s = self._started_s = time.monotonic()
        self._started_bytes: int | None = None

    async def started(self) -> None:
        """This holder is being asked."""
        await self._write(0.0)

    async def tick(self) -> None:
        """Another piece is there."""
        now_s = time.monotonic()
        done = self._part.done_bytes
        if self._started_bytes is None:
            self._started_bytes = done
        if now_s - self._written_s >= PROGRESS_INTERVAL_S:
            self._written_s = now_s
            await self._write((done - self._started_bytes) / max(now_s - self._started_s, 1e-3))

    async def _write(self, rate_bytes_s: float) -> None:
        await asyncio.to_thread(
            self._context.store.downloads.update,
            self._row.id,
            state="active",
            done_bytes=self._part.done_bytes,
            rate_bytes_s=rate_bytes_s,
            holders=(self._presence.peer,),
        )


def _existing_folder(folder: Path) -> Path:
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {str(folder)!r} to download to: make it, or name another.")
    return folder


def _meaning(row: Download, failures: list[AcademicsError]) -> str:
    """What the holders' failures come to: who only did not answer may yet."""
    passing = [each for each in failures if not (isinstance(each, PeerRefusedError) and each.code == "not_held")]
    if not passing:
        return f"Who was said to hold {row.name} no longer does: the registry is being corrected; try again later."
    return f"{passing[-1]} Downloading {row.name} again goes on where it stopped."
