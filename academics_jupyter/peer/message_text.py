"""A message in words, as tables and exports have it: what it replies to, what is attached, what became of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.peer.context import Context
from academics_jupyter.protocol.cells import opened
from academics_jupyter.protocol.names import shown
from academics_jupyter.protocol.records import Resource
from academics_jupyter.store.history import Reaction, StoredMessage

SHORT_ID = 12
EXCERPT_LENGTH = 60
WITHDRAWN = "(withdrawn)"
GONE = "(a message that is not here)"

_NOTICES = {
    "join": "(joined)",
    "leave": "(left)",
    "deletion": "(deleted the room: it can be read, and nothing more can be written)",
}


class MessageText:
    """Words messages for one profile; `name_of` gives the name of a peer."""

    def __init__(self, context: Context, name_of: Callable[[str], str]) -> None:
        self._context, self._name_of = context, name_of

    def whole(self, message: StoredMessage) -> str:
        """All there is to say of a message; a text that nothing was said about is as its author wrote it."""
        if message.withdrawn or message.kind != "text":
            return self.body(message)
        parts = [self.replied(message), self.body(message), *self.attached(message), self.reactions(message.reactions)]
        return "\n".join(part for part in parts if part)

    def body(self, message: StoredMessage) -> str:
        """What a message says, or that it was withdrawn, or what it gives notice of."""
        if message.withdrawn:
            return WITHDRAWN
        if message.kind == "terms":
            return f"(the room is called #{shown(message.name)} from here on)"
        if message.kind != "text":
            return _NOTICES.get(message.kind, f"({message.kind})")
        return f"{message.text} (edited)".strip() if message.edited else message.text

    def replied(self, message: StoredMessage) -> str:
        """What a message replies to, in a line that begins with >; nothing where it is no reply."""
        if not message.about:
            return ""
        original = self._context.store.messages.get(message.about)
        if original is None or original.conversation != message.conversation:
            return f"> {GONE}"
        return f"> {shown(self._name_of(original.author))}: {self.excerpt(original)}"

    def excerpt(self, message: StoredMessage) -> str:
        """The beginning of what a message says, in a line."""
        line = message.text.strip().partition("\n")[0] if message.kind == "text" and not message.withdrawn else ""
        said = line or self.body(message).strip() or next(iter(self.attached(message)), "")
        return shown(textwrap.shorten(said, EXCERPT_LENGTH, placeholder="…"))

    def attached(self, message: StoredMessage) -> list[str]:
        """A line for each resource, and one for a cell."""
        lines = [
            f"📎 {shown(self.title_of(resource, message.author))} ({resource[:SHORT_ID]})"
            for resource in message.resources
        ]
        return [*lines, f"[{cell_text(message.cell)}: %chat --insert {message.id[:8]}]"] if message.cell else lines

    def title_of(self, resource: str, author: str) -> str:
        """What a resource is called: by whom it comes from, else by anybody."""
        records = self._context.store.records
        own = records.get(Resource, f"{resource}{author}")
        for signed in [own, *records.resources(resource)]:
            if signed is not None and not signed.record.withdrawn:
                return signed.record.title
        return "a resource"

    def reactions(self, reactions: Iterable[Reaction]) -> str:
        """Each reaction once, with whose it is, in a line."""
        people: dict[str, list[str]] = {}
        for reaction in reactions:
            people.setdefault(reaction.text, []).append(shown(self._name_of(reaction.author)))
        return " ".join(f"[{shown(text)} {', '.join(names)}]" for text, names in people.items())


def cell_text(cell: str) -> str:
    """What there is in a notebook cell."""
    try:
        source, outputs = opened(cell)
    except RemoteProtocolError:
        return "a cell that cannot be read"
    lines = len(source.splitlines())
    return f"cell of {lines} line{'' if lines == 1 else 's'}, {len(outputs)} output{'' if len(outputs) == 1 else 's'}"
