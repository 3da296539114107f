"""`%explore`, `%people`, `%peers`, `%cite`: what there is and who is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.peer.peer import Peer

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("paper", "data", "notebook", "figure", "code", "text", "folder", "other")


@magics_class
class ExploringMagics(PeerMagics):
    """Looking around the network."""

    @line_magic
    @magic_arguments()
    @argument("query", nargs="*", metavar="QUERY", help="words of the title, authors, keywords or abstract")
    @argument("--available", action="store_true", help="only what somebody online holds")
    @argument("--author", default="", help="only by this author")
    @argument("--keyword", default="", help="only with this keyword")
    @argument("--kind", default="", choices=KINDS, help="only of this kind")
    @argument("--limit", type=int, default=50, help="how many rows at most")
    def explore(self, line: str) -> pd.DataFrame:
        """Search what the network shares, best first. A row's number can be given as ID afterwards."""
        given = parsed(self.explore, line)
        if given.limit < 1:
            raise UsageError("%explore: --limit must be 1 or more.")

        async def explore(peer: Peer) -> pd.DataFrame:
            return await peer.explore(
                " ".join(given.query),
                available=given.available,
                author=given.author,
                keyword=given.keyword,
                kind=given.kind,
                limit=given.limit,
            )

        return self.ask(explore)

    @line_magic
    @magic_arguments()
    @argument("query", nargs="*", metavar="QUERY", help="words of the name, affiliation or interests")
    def people(self, line: str) -> pd.DataFrame:
        """Who works on what, online first."""
        query = " ".join(parsed(self.people, line).query)
        return self.ask(lambda peer: peer.people(query))

    @line_magic
    @magic_arguments()
    def peers(self, line: str) -> pd.DataFrame:
        """The peers that yours has met, and its links with them."""
        parsed(self.peers, line)

        async def peers(peer: Peer) -> pd.DataFrame:
            return peer.peers()

        return self.ask(peers)

    @line_magic
    @magic_arguments()
    @argument("resources", nargs="*", metavar="ID", help="starts of ids, or rows in the last %%explore")
    def cite(self, line: str) -> str:
        """BibTeX; with no ID, of all that this kernel has downloaded."""
        given = parsed(self.cite, line).resources
        return self.ask(lambda peer: peer.cite(given or peer.loaded))

    @line_magic
    @magic_arguments()
    @argument("peer", metavar="PEER", help="a name, or the start of a fingerprint")
    def block(self, line: str) -> None:
        """Take nothing more from a peer."""
        given = parsed(self.block, line)
        self.ask(lambda peer: peer.block(given.peer))

    @line_magic
    @magic_arguments()
    @argument("peer", metavar="PEER", help="a name, or the start of a fingerprint")
    def unblock(self, line: str) -> None:
        """Take from a peer again."""
        given = parsed(self.unblock, line)
        self.ask(lambda peer: peer.block(given.peer, blocked=False))

    @line_magic
    @magic_arguments()
    @argument("peer", metavar="PEER", help="a name, or the start of a fingerprint")
    def verify(self, line: str) -> str:
        """Confirm, once you have compared it with its owner, that a fingerprint is theirs; returns the whole of it."""
        given = parsed(self.verify, line)
        return self.ask(lambda peer: peer.verify(given.peer))
