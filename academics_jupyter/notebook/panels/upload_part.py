"""What the parts have in common that take in files of the browser's machine, chunk by chunk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from academics_jupyter.errors import AcademicsError, UsageError
from academics_jupyter.notebook.panels.part import FAULT, Command, Part
from academics_jupyter.notebook.panels.uploads import Uploads
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.description import Description
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.sharing import Kept
from academics_jupyter.peer.taking import size_of


class UploadPart(Part):
    """Takes files in, and says of each how far it is and what was found in it."""

    def __init__(self, session: Session, **traits: Any) -> None:
        super().__init__(session, **traits)
        self._uploads = Uploads()
        self._swept = False

    def commands(self) -> dict[str, Command]:
        """The steps of an upload."""
        return {"begin": self._begin, "chunk": self._chunk, "finish": self._finish, "drop": self._drop}

    async def release(self) -> None:
        """What is still on its way stays with the browser."""
        await super().release()
        await asyncio.to_thread(self._uploads.drop_all)

    async def take_whole(self, key: str, path: Path) -> None:
        """What has come whole lies at `path` until this returns: share it."""
        peer = await self.registered()
        size_bytes = await asyncio.to_thread(size_of, path)
        tell = teller(size_bytes, lambda percent: self.send({"taking": key, "percent": percent}))
        shared = await peer.sharing.share(path, Description(), tell)
        for kept in await peer.sharing.kept():
            if kept.resource.id == shared.resource.id:
                self.send({"shared": key, "row": kept_row(kept), "notice": shared.notice})
        self.redraw.soon()

    async def registered(self) -> Peer:
        """The peer. Raises UsageError before it is registered."""
        peer = await self.session.peer()
        if not peer.is_registered:
            raise UsageError("You have no profile yet: register above.")
        return peer

    async def _begin(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        key, name, size_bytes = str(content["upload"]), str(content["name"]), int(content["size"])

        def begin(parts: Path) -> None:
            if not self._swept:
                self._uploads.sweep(parts)
                self._swept = True
            self._uploads.begin(key, name, size_bytes, parts)

        with self._failure_told(key):
            await asyncio.to_thread(begin, (await self.registered()).folder.parts)
            self.send({"received": key, "bytes": 0})

    async def _chunk(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        key = str(content["upload"])
        with self._failure_told(key):
            received = await asyncio.to_thread(self._uploads.take, key, int(content["offset"]), buffers[0])
            self.send({"received": key, "bytes": received})

    async def _finish(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        key = str(content["upload"])
        with self._failure_told(key):
            try:
                await self.take_whole(key, await asyncio.to_thread(self._uploads.finish, key))
            finally:
                await asyncio.to_thread(self._uploads.drop, key)

    async def _drop(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        # At once, and not when a thread gets round to it: what comes after this is late.
        cancelled = self._uploads.cancel(str(content["upload"]))
        await asyncio.to_thread(self._uploads.remove, cancelled)

    @contextmanager
    def _failure_told(self, key: str) -> Iterator[None]:
        """What goes wrong with an upload is said at the upload."""
        try:
            yield
        except AcademicsError as error:
            self.send({"failed": key, "error": str(error)})
        except OSError as error:
            self.send({"failed": key, "error": f"The disk refused: {error.strerror or error}."})
        except Exception:
            self.send({"failed": key, "error": FAULT})
            raise


def teller(size_bytes: int, tell: Callable[[int], object]) -> Callable[[int], None]:
    """For a thread that counts bytes: has `tell` called on the loop with the percentage, when that has changed."""
    loop = asyncio.get_running_loop()
    told = -1

    def count(done_bytes: int) -> None:
        nonlocal told
        percent = 100 * done_bytes // max(size_bytes, 1)
        if percent > told:
            told = percent
            loop.call_soon_threadsafe(tell, min(percent, 100))

    return count


def kept_row(kept: Kept) -> dict[str, Any]:
    """A resource of ours, as the browser draws it."""
    resource = kept.resource
    return {
        "id": resource.id,
        "title": resource.title,
        "authors": [str(author) for author in resource.authors],
        "abstract": resource.abstract,
        "keywords": list(resource.keywords),
        "license": resource.license,
        "doi": resource.doi,
        "year": resource.year,
        "kind": resource.kind,
        "size_bytes": resource.size_bytes,
        "files": resource.files,
        "version": resource.version,
        "file_name": resource.file_name,
        "path": str(kept.path),
        "ours": kept.ours,
    }
