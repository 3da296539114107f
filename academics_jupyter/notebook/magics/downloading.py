"""`%download` and `%fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.notebook.opening import opened
from academics_jupyter.notebook.progress import progress_bar
from academics_jupyter.peer.peer import Peer
from academics_jupyter.store.downloads import Download


@magics_class
class DownloadingMagics(PeerMagics):
    """Getting what others share."""

    @line_magic
    @magic_arguments()
    @argument("resource", metavar="ID", help="the start of its id, or its row in the last %%explore")
    @argument("--to", metavar="FOLDER", help="also copy it there; else it is in your repository")
    @argument("--background", action="store_true", help="begin, and return at once")
    def download(self, line: str) -> Path | Download:
        """Download a resource from whoever holds it; you become a holder of it. Returns where it lies."""
        given = parsed(self.download, line)
        if given.background:
            return self.ask(lambda peer: peer.request_download(given.resource, given.to))
        return self.ask(lambda peer: _download(peer, given.resource, given.to))

    @line_magic
    @magic_arguments()
    @argument("resource", metavar="ID", help="the start of its id, or its row in the last %%explore")
    def fetch(self, line: str) -> Any:
        """Download a resource and open it: tables as DataFrame, notebooks as nbformat nodes, text as str, else Path."""
        given = parsed(self.fetch, line)
        return opened(self.ask(lambda peer: _download(peer, given.resource, None)))


async def _download(peer: Peer, resource: str, to: str | None) -> Path:
    row = await peer.request_download(resource, to)
    async with progress_bar(f"Downloading {row.name}", row.size_bytes) as progress:
        return await peer.finish_download(row, lambda now: progress.set(now.done_bytes))
