"""What the parts have in common that take in files of the browser's machine: what has come whole is shared."""

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
        """The steps of an upload, and sharing a path."""
        return {
            "begin": self._begin,
            "chunk": self._chunk,
            "finish": self._finish,
            "drop": self._drop,
            "share": self._share_path,
        }

    async def release(self) -> None:
        """What is still on its way stays with the browser."""
        await super().release()
        await asyncio.to_thread(self._uploads.drop_all)

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
                await self._share(key, await asyncio.to_thread(self._uploads.finish, key))
            finally:
                await asyncio.to_thread(self._uploads.drop, key)

    async def _drop(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        # At once, and not when a thread gets round to it: what comes after this is late.
        cancelled = self._uploads.cancel(str(content["upload"]))
        await asyncio.to_thread(self._uploads.remove, cancelled)

    async def _share_path(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        key = str(content["upload"])
        with self._failure_told(key):
            await self._share(key, Path(str(content["path"]).strip()))

    async def _share(self, key: str, path: Path) -> None:
        peer = await self.registered()
        size_bytes = await asyncio.to_thread(size_of, path)
        shared = await peer.sharing.share(path, Description(), self._teller(key, size_bytes))
        for kept in await peer.sharing.kept():
            if kept.resource.id == shared.resource.id:
                self.send({"shared": key, "row": kept_row(kept), "notice": shared.notice})
        self.redraw.soon()

    def _teller(self, key: str, size_bytes: int) -> Callable[[int], None]:
        """Tells how far the taking in is; it is called from a thread, for every chunk."""
        loop = asyncio.get_running_loop()
        told = -1

        def tell(done_bytes: int) -> None:
            nonlocal told
            percent = 100 * done_bytes // max(size_bytes, 1)
            if percent > told:
                told = percent
                loop.call_soon_threadsafe(self.send, {"taking": key, "percent": min(percent, 100)})

        return tell

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
