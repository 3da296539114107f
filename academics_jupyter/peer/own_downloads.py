"""A profile's downloads: asked for, waited for, held and gone on with. What else one does is in `peer`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from academics_jupyter.errors import NotStartedError
from academics_jupyter.peer.profile import OpenProfile
from academics_jupyter.store.downloads import Download


class OwnDownloads(OpenProfile):
    """What a person can do about downloads, which are numbered; a part of `Peer`."""

    async def download(
        self,
        resource: str,
        to: str | Path | None = None,
        on_progress: Callable[[Download], None] | None = None,
        *,
        file: str = "",
    ) -> Path:
        """Download a resource, verified and whole, and become a holder of it; where it lies.

        Of a folder, `file` is the path in it of the one file to download.

        Raises UnknownTargetError, NotStartedError, or TransferError where it cannot be finished now. Cancelling the
        wait cancels the download; what is verified is kept for the next time.
        """
        return await self.finish_download(await self.request_download(resource, to, file=file), on_progress)

    async def finish_download(self, row: Download, on_progress: Callable[[Download], None] | None = None) -> Path:
        """Wait for a download that was requested. As `download`."""
        try:
            ended = await self.downloading.ended(row.id, on_progress)
        except asyncio.CancelledError:
            await self.downloading.cancel(row.id)
            raise
        if row.resource not in self.loaded:
            self.loaded.append(row.resource)
        return Path(ended.path)

    async def request_download(self, resource: str, to: str | Path | None = None, *, file: str = "") -> Download:
        """Begin a download and return at once. Raises as `download`."""
        whole = await self.lookup.resource(resource)
        self._check_driven()
        return await self.downloading.request(whole, Path(to) if to else None, file)

    async def repeat_download(self, download: int, to: str | Path | None = None) -> Download:
        """Begin anew what a download was for, with `to` into that folder. Raises as `download`."""
        self._check_driven()
        return await self.downloading.repeat(download, Path(to) if to else None)

    async def pause_download(self, download: int) -> None:
        """Hold a download, in whichever process it runs, until it is continued. Raises UnknownTargetError."""
        await self.downloading.pause(download)

    async def continue_download(self, download: int) -> None:
        """Go on with a paused download. Raises UnknownTargetError."""
        await self.downloading.go_on(download)

    async def cancel_download(self, download: int) -> None:
        """End a download that has not ended; what is verified stays for the next time."""
        await self.downloading.cancel(download)

    async def clear_downloads(self, *states: str) -> None:
        """Take those that have ended in one of `states` off the list; their files stay."""
        await asyncio.to_thread(self._context.store.downloads.clear, states)

    async def forget_download(self, download: int) -> None:
        """Take one that has ended off the list; its file stays."""
        await asyncio.to_thread(self._context.store.downloads.forget, download)

    def downloads(self) -> list[Download]:
        """Every download, the latest first."""
        return self.downloading.all()

    def _check_driven(self) -> None:
        if not self._is_driven():
            raise NotStartedError("Downloading needs your peer to be online: %academics start.")
