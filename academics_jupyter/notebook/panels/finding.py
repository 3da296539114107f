"""Searching all conversations from the panel, and the part of a long one that is to be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from academics_jupyter.notebook.panels.message_rows import MessageRows
from academics_jupyter.notebook.panels.part import Command
from academics_jupyter.notebook.panels.upload_part import UploadPart
from academics_jupyter.peer.peer import Peer
from academics_jupyter.store.history import StoredMessage

PAGE = 100
MOST_SHOWN = 400
MOST_FOUND = 50
BEFORE = 60
"""How many characters of a message are shown before what was found in it."""
EXCERPT_LENGTH = 200


class Window:
    """Which messages of one conversation are shown: the last ones, or those around one of them.

    It grows to a length that is still drawn at once, and moves from there on.
    """

    def __init__(self) -> None:
        self._size, self._around = PAGE, ""
        self._ends = ("", "")

    def reset(self, around: str = "") -> None:
        """Show the last page, or the page around a message."""
        self._size, self._around = PAGE, around

    def earlier(self) -> None:
        """Show a page more before what is shown."""
        if not self._around and self._size < MOST_SHOWN:
            self._size += PAGE
        else:
            self._size, self._around = MOST_SHOWN, self._ends[0]

    def later(self) -> None:
        """Show more after what is shown."""
        self._size, self._around = MOST_SHOWN, self._ends[1]

    async def read(self, peer: Peer, conversation: str) -> tuple[list[StoredMessage], bool, bool]:
        """The messages, oldest first; whether there are earlier ones, and whether there are later ones."""
        # What is wanted may change while the messages are read.
        size, around = self._size, self._around
        messages: list[StoredMessage] = []
        earlier = later = False
        if around:
            messages, earlier, later = await peer.chatting.around(conversation, around, size)
        if not (messages and later):
            messages = await peer.chatting.history(conversation, size)
            earlier, later = len(messages) == size, False
            if around and around == self._around:
                self._around = ""
        if messages:
            self._ends = (messages[0].id, messages[-1].id)
        return messages, earlier, later


class Finding:
    """The search command of one part."""

    def __init__(self, part: UploadPart) -> None:
        self._part = part

    def commands(self) -> dict[str, Command]:
        """Search all that was said."""
        return {"search": self._search}

    async def _search(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer, words = await self._part.registered(), str(content["words"])
        found = await peer.chatting.search(words, None, MOST_FOUND)
        rows = await asyncio.to_thread(_rows, peer, found.messages[::-1], words)
        self._part.send({"found": words, "rows": rows, "missing": found.missing})


def _rows(peer: Peer, messages: Sequence[StoredMessage], words: str) -> list[dict[str, Any]]:
    made = MessageRows(peer)
    return [
        {
            "message": message.id,
            "conversation": message.conversation,
            "name": peer.conversation_name(message.conversation),
            "author": made.name(message.author),
            "at_ms": message.sent_at_ms,
            "text": _excerpt(message.text, words),
        }
        for message in messages
    ]


def _excerpt(text: str, words: str) -> str:
    """A line of a message, from a little before the first word that was found in it."""
    line = " ".join(text.split())
    folded = line.casefold()
    places = [at for word in words.replace('"', " ").casefold().split() if (at := folded.find(word)) >= 0]
    start = max(min(places, default=0) - BEFORE, 0)
    end = start + EXCERPT_LENGTH
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"
