"""Drafts: what the person wants to share, looked at and shown for correction before any of it is published.

A draft lies in the store, so it survives a page that is reloaded and a kernel that ends. What the browser has sent is
kept beside the profile's other files on their way until the draft is published or discarded; what lies on the server's
disk is left where it is, and taken into the repository when it is published.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from academics_jupyter.errors import UsageError
from academics_jupyter.metadata.describing import Metadata
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.description import Description, fitting
from academics_jupyter.peer.sharing import Inspected, Shared, SharingService
from academics_jupyter.peer.taking import Progress
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.drafts import Draft
from academics_jupyter.store.durable import disk_errors, sync_folder

PREFIX = "draft-"
LEFTOVER_S = 86_400
"""A folder as old as this that no draft names is one that a killed process left."""


class DraftingService:
    """Keeps drafts, changes what they say, publishes them or discards them."""

    def __init__(self, context: Context, sharing: SharingService) -> None:
        self._context, self._sharing = context, sharing
        self._swept = False

    def all(self) -> list[Draft]:
        """Every draft, in the order they were made."""
        return self._context.store.drafts.all()

    def get(self, draft: int) -> Draft:
        """One draft. Raises UnknownTargetError where it is published or discarded."""
        return self._context.store.drafts.get(draft)

    async def add(self, source: Path, on_progress: Progress | None = None, *, brought: bool = False) -> Draft:
        """Look at a file or folder and keep what was found as a draft; a file that was `brought` is moved away.

        Of a path that has a draft, that one, with what the person has changed in it. Raises UnknownTargetError,
        UsageError or StoreError; no draft is made then, and what was brought stays where it was.
        """
        inspected = await self._sharing.inspect(source, on_progress)
        return await asyncio.to_thread(self._keep, inspected, brought)

    async def revise(self, draft: int, description: Description) -> None:
        """Change what is to be said. Raises UnknownTargetError."""
        await asyncio.to_thread(self._revise, draft, description)

    async def publish(self, draft: int, on_progress: Progress | None = None) -> Shared:
        """Share what a draft is of, as it says; the draft is gone then.

        Raises UnknownTargetError, UsageError or StoreError; nothing is shared then, and the draft stays.
        """
        row = self._context.store.drafts.get(draft)
        shared = await self._sharing.share(Path(row.path), Description(), on_progress, said=said_in(row))
        await asyncio.to_thread(self._remove, row)
        return shared

    async def discard(self, draft: int) -> None:
        """Drop a draft, with what the browser has sent for it. What lies on the server's disk stays there."""
        await asyncio.to_thread(lambda: self._remove(self._context.store.drafts.get(draft)))

    def _keep(self, inspected: Inspected, brought: bool) -> Draft:
        self._sweep()
        seen = inspected.seen
        path = self._moved(seen.path) if brought else seen.path
        return self._context.store.drafts.add(
            path=str(path),
            name=seen.path.name,
            size_bytes=seen.size_bytes,
            files=seen.files,
            brought=brought,
            said=msgspec.json.encode(inspected.said).decode(),
            notice=inspected.notice,
        )

    def _moved(self, path: Path) -> Path:
        """Give what has come a folder of its own, which nobody sweeps away while a draft names it."""
        with disk_errors(f"{path.name} cannot be kept"):
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._context.folder.parts))
            moved = path.rename(folder / path.name)
            sync_folder(folder)
            return moved

    def _revise(self, draft: int, description: Description) -> None:
        drafts = self._context.store.drafts
        with self._context.store.transaction():
            said = replace(said_in(drafts.get(draft)), **fitting(description.fields()))
            drafts.revise(draft, msgspec.json.encode(said).decode())

    def _remove(self, row: Draft) -> None:
        self._context.store.drafts.remove(row.id)
        if row.brought:
            shutil.rmtree(Path(row.path).parent, ignore_errors=True)

    def _sweep(self) -> None:
        if self._swept:
            return
        self._swept = True
        named = {Path(row.path).parent for row in self.all() if row.brought}
        for folder in self._context.folder.parts.glob(f"{PREFIX}*"):
            with suppress(OSError):
                if folder not in named and folder.stat().st_mtime < time.time() - LEFTOVER_S:
                    shutil.rmtree(folder, ignore_errors=True)


def said_in(draft: Draft) -> Metadata:
    """What a draft is to say. Raises UsageError where another version of this program wrote it in another way."""
    try:
        return msgspec.json.decode(draft.said, type=prepared(Metadata))
    except msgspec.DecodeError as error:
        raise UsageError(
            f"What was to be said of {draft.name} cannot be read: discard it and choose it again."
        ) from error
