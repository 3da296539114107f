"""Conversations as files: Markdown for people, JSON with everything in it for programs.

In JSON each message stands with the payload and signature that its author made: the signature is Ed25519, by the key
that `author` is, over the payload's UTF-8. What was withdrawn is left out of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from markdown_it import MarkdownIt

from academics_jupyter.errors import RemoteProtocolError, UsageError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.message_text import MessageText
from academics_jupyter.protocol.cells import opened
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.protocol.names import shown
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.store.durable import disk_errors, write_new
from academics_jupyter.store.history import SHOWN, StoredMessage

FORMAT = "academics/1/conversation"
SUFFIXES = (".md", ".json")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_NEW_LINE = re.compile(r"\r\n?")
_BLOCKS = MarkdownIt("commonmark", {"maxNesting": 20})
_BLOCKS.core.ruler.enableOnly(["normalize", "block"])


class ConversationExport:
    """Writes the conversations of one profile."""

    def __init__(self, context: Context, name_of: Callable[[str], str]) -> None:
        self._context, self._name_of = context, name_of
        self._words = MessageText(context, name_of)

    def write(self, conversation: str, name: str, to: Path) -> Path:
        """Write a conversation to a new 0600 file, whose ending says how; its path. Raises UsageError or StoreError."""
        target = to.expanduser().absolute()
        if target.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{to.name} says not what to write: end it in .md for people, or in .json for programs.")
        # Before the work, and again by the writing itself.
        with disk_errors(f"{target} cannot be written"):
            try:
                if target.exists():
                    raise FileExistsError
                written = self._json if target.suffix.lower() == ".json" else self._markdown
                write_new(target, written(conversation, name))
            except FileExistsError as error:
                raise UsageError(f"{target} is there already and was not overwritten: give another name.") from error
        return target

    def _json(self, conversation: str, name: str) -> bytes:
        told = [self._told(*each) for each in self._context.store.messages.everything(conversation)]
        authors = sorted({each["author"] for each in told} | {self._context.me})
        whole = {
            "format": FORMAT,
            "exported_at": _at(self._context.clock.now_ms()),
            "exported_by": self._context.me,
            "conversation": {"id": conversation, "kind": "room" if is_room(conversation) else "peer", "name": name},
            "people": {each: {"name": self._name_of(each), "fingerprint": fingerprint(each)} for each in authors},
            "messages": told,
        }
        return msgspec.json.format(msgspec.json.encode(whole), indent=1)

    def _told(self, message: StoredMessage, envelope: Envelope | None) -> dict[str, Any]:
        told = asdict(message) | {"sent_at": _at(message.sent_at_ms), "received_at": _at(message.received_at_ms)}
        about = self._context.store.messages.get(message.about) if message.kind == "edit" else None
        if message.withdrawn or (about is not None and about.withdrawn):
            return told | {"text": "", "signed": None}
        return told | {"signed": envelope}

    def _markdown(self, conversation: str, name: str) -> bytes:
        parts = [f"# {_line(name)}", f"Exported {_at(self._context.clock.now_ms())} by {self._who(self._context.me)}."]
        if not is_room(conversation):
            parts.append(f"With {self._who(conversation)}.")
        for message, _ in self._context.store.messages.everything(conversation):
            if message.kind in SHOWN:
                parts += self._section(message)
        return ("\n\n".join(parts) + "\n").encode(errors="replace")

    def _who(self, peer: str) -> str:
        return f"{_line(self._name_of(peer))} (fingerprint {fingerprint(peer)})"

    def _section(self, message: StoredMessage) -> Iterator[str]:
        """A message under its author's name. All that comes from its author is a quotation, and stays within it."""
        words = self._words
        yield f"## {_line(self._name_of(message.author))}, {_at(message.sent_at_ms)}"
        if replied := words.replied(message):
            yield f"In reply to {_line(replied[2:])}"
        if body := words.body(message):
            yield _quoted(_tamed(body))
        for resource in message.resources:
            yield f"Attached: {_line(words.title_of(resource, message.author))} (`{resource}`)"
        if message.cell:
            yield from _cell(message.cell)
        if reactions := words.reactions(message.reactions):
            yield f"Reactions: {_line(reactions)}"
        if message.author == self._context.me and not message.withdrawn:
            yield f"({message.state})"


def _cell(cell: str) -> Iterator[str]:
    try:
        source, outputs = opened(cell)
    except RemoteProtocolError:
        yield "(a cell that cannot be read)"
        return
    yield _quoted(_fenced(source, "python"))
    for output in outputs:
        yield _quoted(_fenced(output.text, "")) + ("\n\n(a picture)" if output.png else "")


def _tamed(text: str) -> str:
    """Markdown that brings no HTML and no pictures from elsewhere; its code stays as it is."""
    # The lines are to be those that the parser counts.
    lines = _NEW_LINE.sub("\n", text).split("\n")
    code: set[int] = set()
    for token in _BLOCKS.parse(text):
        if token.type in ("fence", "code_block") and token.map:
            code.update(range(*token.map))
    return "\n".join(line if number in code else _untagged(line) for number, line in enumerate(lines))


def _untagged(line: str) -> str:
    return _TAG.sub("&lt;", line).replace("![", "!&#91;")


def _fenced(text: str, language: str) -> str:
    """Text as code, in a fence that it does not end."""
    fence = "`" * max(3, 1 + max((len(run) for run in _backticks(text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _backticks(text: str) -> list[str]:
    return [run for run in "".join(char if char == "`" else " " for char in text).split() if run]


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _line(text: str) -> str:
    """Somebody else's words in a line of ours: no markup begins in them."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|!" else char for char in shown(text))


def _at(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms"
