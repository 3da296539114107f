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
MOST_FOUND = 50
BEFORE = 60
"""How many characters of a message are shown before what was found in it."""
EXCERPT_LENGTH = 200


class Window:
    """Which messages of one conversation are shown: the last ones, or those around one of them."""

    def __init__(self) -> None:
        self._size, self._around = PAGE, ""

    def reset(self, around: str = "") -> None:
        """Show the last page, or the page around a message."""
        self._size, self._around = PAGE, around

    def widen(self) -> None:
        """Show a page more."""
        self._size += PAGE

    async def read(self, peer: Peer, conversation: str) -> tuple[list[StoredMessage], bool, bool]:
        """The messages, oldest first; whether there are earlier ones, and whether there are later ones."""
        # What is wanted may change while the messages are read.
        size, around = self._size, self._around
        limit = size
        while True:
            messages = await peer.chatting.history(conversation, limit)
            is_all = len(messages) < limit
            place = next((at for at, each in enumerate(messages) if each.id == around), -1)
            if not around or (place < 0 and is_all):
                return messages, not is_all, False
            first = place - size // 2
            if place >= 0 and (first >= 0 or is_all):
                first = max(first, 0)
                shown = messages[first : first + size]
                return shown, first > 0 or not is_all, first + len(shown) < len(messages)
            limit *= 4


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
