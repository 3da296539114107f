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
from academics_jupyter.peer.wording import progress_text
from academics_jupyter.protocol.names import shown
from academics_jupyter.store.downloads import Download

MAX_NAME_CHARS = 40


@magics_class
class DownloadingMagics(PeerMagics):
    """Getting what others share."""

    @line_magic
    @magic_arguments()
    @argument("resource", metavar="ID", help="the start of its id, or its row in the last %%explore")
    @argument("--to", metavar="FOLDER", help="also copy it there; else it is in your repository")
    @argument("--file", metavar="PATH", default="", help="of a folder, the one file with that path in it")
    @argument("--background", action="store_true", help="begin, and return at once")
    def download(self, line: str) -> Path | Download:
        """Download a resource from whoever holds it; you become a holder of it. Returns where it lies."""
        given = parsed(self.download, line)
        if given.background:
            return self.ask(lambda peer: _begin(peer, given.resource, given.to, given.file))
        return self.ask(lambda peer: _download(peer, given.resource, given.to, given.file))

    @line_magic
    @magic_arguments()
    @argument("resource", metavar="ID", help="the start of its id, or its row in the last %%explore")
    def fetch(self, line: str) -> Any:
        """Download a resource and open it: tables as DataFrame, notebooks as nbformat nodes, text as str.

        Anything else, a folder too, is returned as its Path.
        """
        given = parsed(self.fetch, line)
        return opened(self.ask(lambda peer: _download(peer, given.resource, None)))


async def _begin(peer: Peer, resource: str, to: str | None, file: str) -> Download:
    row = await peer.request_download(resource, to, file=file)
    peer.notice = "It goes on in the background: %academics status says how far it is, %academics panel shows it."
    return row


async def _download(peer: Peer, resource: str, to: str | None, file: str = "") -> Path:
    row = await peer.request_download(resource, to, file=file)
    # A longer name would leave no room for the bar.
    name = row.name if len(row.name) <= MAX_NAME_CHARS else f"{row.name[:MAX_NAME_CHARS]}…"
    async with progress_bar(f"Downloading {shown(name)}", row.size_bytes) as progress:
        return await peer.finish_download(row, lambda now: progress.set(now.done_bytes, progress_text(now)))
