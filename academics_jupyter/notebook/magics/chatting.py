"""`%chat` and `%%chat`, `%history`, `%inbox`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.store.messages import StoredMessage

if TYPE_CHECKING:
    import pandas as pd


@magics_class
class ChattingMagics(PeerMagics):
    """Talking one to one."""

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> StoredMessage:
        """Send a message: `%chat PEER MESSAGE`, or `%%chat PEER` with the message, in Markdown, below.

        PEER is a name, in quotation marks if it has spaces, or the start of a fingerprint. To somebody offline the
        message waits until you are both online. Braces and dollar signs are sent as they stand.
        """
        peer_name, text = _addressed(line)
        if cell is not None:
            text = f"{text}\n{cell}" if text else cell
        return self.ask(lambda peer: peer.chat(peer_name, text.rstrip("\n")))

    @line_magic
    @magic_arguments()
    @argument("peer", metavar="PEER", help="a name, or the start of a fingerprint")
    @argument("--search", default="", help="only messages that contain this")
    @argument("--limit", type=int, help="only the last so many")
    def history(self, line: str) -> pd.DataFrame:
        """A conversation, oldest first; reading it marks it read."""
        given = parsed(self.history, line)
        if given.limit is not None and given.limit < 1:
            raise UsageError("%history: --limit must be 1 or more.")
        return self.ask(lambda peer: peer.history(given.peer, search=given.search, limit=given.limit))

    @line_magic
    @magic_arguments()
    def inbox(self, line: str) -> pd.DataFrame:
        """What is unread, by conversation."""
        parsed(self.inbox, line)
        return self.ask(lambda peer: peer.inbox())


def _addressed(line: str) -> tuple[str, str]:
    """A line as (peer, message). The message is taken as it stands: an apostrophe in it opens no quotation."""
    line = line.strip()
    if line[:1] in ("'", '"') and line[0] in line[1:]:
        name, _, text = line[1:].partition(line[0])
    else:
        name, _, text = line.partition(" ")
    if not name.strip():
        raise UsageError("%chat: say to whom, then the message: %chat ada Hello.")
    return name, text.strip()
