"""`%chat` and `%%chat`, `%history`, `%inbox`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.notebook.received_cells import insert
from academics_jupyter.notebook.recording import run_recorded
from academics_jupyter.protocol.cells import packed
from academics_jupyter.store.history import StoredMessage

if TYPE_CHECKING:
    import pandas as pd

OPTIONS = ("--reply", "--attach", "--cell", "--edit", "--withdraw", "--react", "--insert")
_ABOUT_ONE = ("--edit", "--withdraw", "--react", "--insert")


@dataclass
class _Wanted:
    """The options of `%chat`, and the rest of its line."""

    rest: str = ""
    values: dict[str, str] = field(default_factory=dict)
    attach: list[str] = field(default_factory=list)
    cell: bool = False


@magics_class
class ChattingMagics(PeerMagics):
    """Talking one to one and in rooms."""

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> StoredMessage | None:
        """Send a message: `%chat PEER MESSAGE`, or `%%chat PEER` with the message, in Markdown, below.

        PEER is a name, in quotation marks if it has spaces, the start of a fingerprint, or a room's #name. To somebody
        offline the message waits until you are both online. Braces and dollar signs are sent as they stand. `@name` in
        a message mentions somebody: `@ada`, `@"Ada Lovelace"`.

        Options come first, as a message is taken as it stands. ID is the start of a message's id in %history.

            %chat --reply ID PEER MESSAGE        replies to a message
            %chat --attach RESOURCE PEER MESSAGE attaches a resource; more of them with commas between
            %%chat --cell PEER                   runs the cell below, and sends it with its output
            %chat --edit ID MESSAGE              has a message of yours read otherwise
            %chat --withdraw ID                  takes a message of yours back
            %chat --react ID 👍                  reacts to a message; with nothing behind ID, takes that back
            %chat --insert ID                    puts a cell that you were sent below, not run
        """
        wanted = _wanted(line)
        about = [name for name in _ABOUT_ONE if name in wanted.values]
        if len(about) + wanted.cell > 1 or (about and (wanted.attach or "--reply" in wanted.values)):
            raise UsageError(f"%chat: {' and '.join([*about, *(['--cell'] * wanted.cell)])} cannot go with the others.")
        if about:
            return self._about(about[0], wanted.values[about[0]], _joined(wanted.rest, cell))
        peer_name, text = _addressed(wanted.rest)
        sent = ""
        if wanted.cell:
            if not (cell or "").strip():
                raise UsageError("%%chat --cell: write the code to run and send below it.")
            sent, text = self._ran(peer_name, cell or "", text)
        else:
            text = _joined(text, cell)
        reply = wanted.values.get("--reply", "")
        return self.ask(lambda peer: peer.chat(peer_name, text, reply=reply, attach=wanted.attach, cell=sent))

    def _about(self, option: str, message: str, text: str) -> StoredMessage | None:
        if option in ("--withdraw", "--insert") and text:
            raise UsageError(f"%chat {option} ID takes nothing more.")
        if option == "--insert":
            received = self.ask(lambda peer: peer.cell_of(message))
            if self.shell is not None:
                insert(self.shell, received)
            return None
        if option == "--withdraw":
            return self.ask(lambda peer: peer.withdraw_message(message))
        if option == "--edit":
            return self.ask(lambda peer: peer.edit_message(message, text))
        return self.ask(lambda peer: peer.react(message, text))

    def _ran(self, peer_name: str, source: str, text: str) -> tuple[str, str]:
        """Run a cell; its JSON, and the text with what had to be left out of it."""
        # A cell may take long: who does not exist is not found out when it has ended.
        self.ask(lambda peer: peer.lookup.conversation(peer_name))
        if self.shell is None:
            raise UsageError("%%chat --cell needs a notebook.")
        source = source.rstrip("\n")
        made = packed(source, run_recorded(self.shell, self.session, source))
        for each in made.left_out:
            print(each)  # noqa: T201  the cell is where people look
        return made.json, "\n\n".join([*([text] if text else []), *(f"({each})" for each in made.left_out)])

    @line_magic
    @magic_arguments()
    @argument("peer", metavar="PEER", nargs="?", default="", help="a name, the start of a fingerprint, or a #room")
    @argument("--search", default="", help="only messages with all these words; without PEER, in all conversations")
    @argument("--limit", type=int, help="only the last so many")
    @argument("--export", metavar="FILE", help="write all of it to a new file: .md to be read, .json with everything")
    def history(self, line: str) -> pd.DataFrame | Path:
        """A conversation, oldest first; reading it marks it read.

        `--search "graph embed"` finds messages with the word "graph" and one that begins with "embed", whatever their
        case and accents; words in quotation marks within stand one after the other: `--search '"graph embeddings"'`.
        """
        given = parsed(self.history, line)
        if not (given.peer or given.search):
            raise UsageError("%history: say whose conversation, or what to look for: %history --search WORDS.")
        if given.limit is not None and given.limit < 1:
            raise UsageError("%history: --limit must be 1 or more.")
        if given.export:
            if given.search or given.limit or not given.peer:
                raise UsageError("%history: --export FILE writes a whole conversation: it goes with PEER alone.")
            return self.ask(lambda peer: peer.export_conversation(given.peer, given.export))
        if not given.peer:
            return self.ask(lambda peer: peer.search_messages(given.search, limit=given.limit))
        return self.ask(lambda peer: peer.history(given.peer, search=given.search, limit=given.limit))

    @line_magic
    @magic_arguments()
    def inbox(self, line: str) -> pd.DataFrame:
        """What is unread, by conversation."""
        parsed(self.inbox, line)
        return self.ask(lambda peer: peer.inbox())


def _wanted(line: str) -> _Wanted:
    """The options at the beginning of a line. Raises UsageError."""
    wanted = _Wanted(line.strip())
    while wanted.rest.startswith("--"):
        option, _, rest = wanted.rest.partition(" ")
        if option not in OPTIONS and wanted.values.keys() & set(_ABOUT_ONE):
            break  # so a new text may begin
        if option not in OPTIONS:
            raise UsageError(f"%chat: there is no option {option} (%chat? shows which there are)")
        wanted.rest = rest.strip()
        if option == "--cell":
            wanted.cell = True
            continue
        value, _, rest = wanted.rest.partition(" ")
        if not value or value.startswith("--"):
            raise UsageError(f"%chat: {option} needs an ID after it.")
        wanted.rest = rest.strip()
        if option == "--attach":
            wanted.attach += [each for each in value.split(",") if each]
        else:
            wanted.values[option] = value
    return wanted


def _joined(text: str, cell: str | None) -> str:
    """What stands behind a magic, and what stands below it."""
    return "\n".join(part for part in (text, cell) if part).rstrip("\n")


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
