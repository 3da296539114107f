"""`academics://ID` as a file for everything that opens files through fsspec, such as `pd.read_csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from fsspec import AbstractFileSystem

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.extension import current_session


class AcademicsFileSystem(AbstractFileSystem):
    """Resources by the start of their id, read only; opening one downloads it, with the peer of this kernel.

    `academics://ID/PATH` is the file with that path in a folder.
    """

    protocol = "academics"
    cachable = False

    def info(self, path: str, **_kwargs: Any) -> dict[str, Any]:
        """Raises as `Peer.download`."""
        local = self._downloaded(path)
        return {"name": self._strip_protocol(path), "size": local.stat().st_size, "type": "file"}

    def _open(self, path: str, mode: str = "rb", **_kwargs: Any) -> BinaryIO:
        if mode != "rb":
            raise UsageError("Resources cannot be written to: share a file of your own with %share.")
        return self._downloaded(path).open("rb")

    def _downloaded(self, path: str) -> Path:
        session = current_session()
        resource, _, file = str(self._strip_protocol(path)).partition("/")

        async def download() -> Path:
            return await (await session.peer()).download(resource, file=file)

        local = session.wait(download())
        if local.is_dir():
            raise UsageError(f"{local.name} is a folder: name a file in it, as in academics://{resource}/data.csv.")
        return local
