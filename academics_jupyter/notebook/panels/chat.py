"""Chatting from the panel: the people, and the conversation with one of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from academics_jupyter.errors import AcademicsError, RegistryError
from academics_jupyter.notebook.markdown import parsed
from academics_jupyter.notebook.panels.bodies import ConversationBodies
from academics_jupyter.notebook.panels.part import Command, Part, Subscription, read_static
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.exploring import Person
from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.store.history import ConversationSummary, StoredMessage

PAGE = 100
REFRESH_INTERVAL_S = 10.0
MEETING_INTERVAL_S = 3.0
LAST_TEXT_LENGTH = 80


class ChatPart(Part):
    """Shows conversations, and marks what is in sight as read; `on_unread` is told how much is unread."""

    NAME = "chat"
    _esm: ClassVar[str] = read_static("dom.js", "markdown.js", "preview.js", "thread.js", "chat.js")
    _css: ClassVar[str] = read_static("chat.css", "markdown.css")

    def __init__(self, session: Session, on_unread: Callable[[int], None], **traits: Any) -> None:
        super().__init__(session, **traits)
        self._on_unread = on_unread
        self._people: dict[str, Person] = {}
        self._conversation = ""
        self._limit = PAGE
        self._bodies = ConversationBodies()
        self._met_s = 0.0
        self._meeting = Repeated(self._meet, MEETING_INTERVAL_S)

    def commands(self) -> dict[str, Command]:
        """Open a conversation, show more of it, see what one writes as it will look, send."""
        return {
            "open": self._open,
            "earlier": self._earlier,
            "preview": self._preview,
            "send": self._send_message,
        }

    def subscriptions(self) -> list[Subscription]:
        """Messages and their states; who is there."""
        return [
            (frozenset({"messages", "peers"}), self.redraw.soon),
            (frozenset({"profiles", "presences", "peers"}), self.refresh),
        ]

    def tick(self) -> None:
        """Ask again who is there."""
        if time.monotonic() - self._met_s >= REFRESH_INTERVAL_S:
            self.refresh()

    def refresh(self) -> None:
        """Ask soon who is there."""
        if self.sight:
            self._meeting.soon()

    async def release(self) -> None:
        """Ask no more."""
        await self._meeting.stop()
        await super().release()

    async def converse(self, peer: str) -> None:
        """Show the conversation with a peer; with "", none."""
        self._conversation, self._limit = peer, PAGE
        self.problem = ""
        await self._draw()

    async def draw(self) -> None:
        """The people, and the open conversation; without a view in sight, only how much is unread."""
        peer = self.peer
        if peer is None:
            return
        conversations = await peer.chatting.conversations()
        self._on_unread(sum(each.unread for each in conversations))
        if not self.sight:
            return
        self.show(conversation=self._conversation, **await self._thread(peer))
        people = await self._contacts(peer, {each.conversation: each for each in conversations})
        self.show(people=people)

    async def _thread(self, peer: Peer) -> dict[str, Any]:
        """The open conversation; to read it here marks it read, for it is in sight."""
        if not self._conversation:
            return {"thread": [], "earlier": False}
        conversation = self._conversation
        messages = await peer.chatting.history(conversation, self._limit)
        if bodies := await self._bodies.make(conversation, messages):
            self.send({"bodies": bodies, "of": conversation})
        return {"thread": [_message(each, peer.id) for each in messages], "earlier": len(messages) >= self._limit}

    async def _contacts(self, peer: Peer, conversations: dict[str, ConversationSummary]) -> list[dict[str, Any]]:
        contacts = {each.peer: each for each in await peer.exploring.contacts()}
        known = dict.fromkeys([*conversations, *self._people, *contacts])
        if self._conversation:
            known[self._conversation] = None
        known.pop(peer.id, None)
        rows = []
        for each in known:
            contact, person = contacts.get(each), self._people.get(each)
            name = person.name if person else await asyncio.to_thread(peer.exploring.name_of, each)
            rows.append(
                {
                    "peer": each,
                    "name": name,
                    "affiliation": person.affiliation if person else "",
                    "fingerprint": fingerprint(each),
                    "verified": bool(contact and contact.verified),
                    "blocked": bool(contact and contact.blocked),
                    "online": bool((person and person.online) or (contact and contact.online)),
                    **_summary(conversations.get(each)),
                }
            )
        return _ordered(_namesakes_marked(rows))

    async def _meet(self) -> None:
        """Ask the registry who is there; where it does not answer, those known stay as they are."""
        peer = self.peer
        if peer is None:
            return
        self._met_s = time.monotonic()
        try:
            self._people = {person.peer: person for person in await peer.exploring.people()}
        except RegistryError:
            self._people = {}
        self.redraw.soon()

    async def _open(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await self.converse(str(content["peer"]))

    async def _earlier(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._limit += PAGE
        await self._draw()

    async def _look(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """The bodies go before the messages that they are of."""
        self.send({"bodies": self._bodies.made, "of": self._bodies.conversation})
        await super()._look(content, buffers)

    async def _preview(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        body = await asyncio.to_thread(parsed, str(content["text"]))
        self.send({"previewed": content["key"], "body": body})

    async def _send_message(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Answered either way, so that no text is lost on the way here."""
        peer = await self.session.peer()
        key = content["key"]
        try:
            await peer.chatting.send(str(content["peer"]), str(content["text"]))
        except AcademicsError:
            self.send({"refused": key})
            raise
        await self._draw()
        self.send({"taken": key})


def _message(message: StoredMessage, me: str) -> dict[str, Any]:
    return {
        "id": message.id,
        "mine": message.author == me,
        "text": message.text,
        "at_ms": message.sent_at_ms,
        "state": message.state,
    }


def _summary(summary: ConversationSummary | None) -> dict[str, Any]:
    if summary is None:
        return {"unread": 0, "last_at_ms": 0, "last_text": ""}
    line = " ".join(summary.last_text[:LAST_TEXT_LENGTH].split())
    return {"unread": summary.unread, "last_at_ms": summary.last_at_ms, "last_text": line}


def _namesakes_marked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two people of one name are told apart by their fingerprints."""
    names = Counter(row["name"].casefold().strip() for row in rows)
    return [row | {"namesake": names[row["name"].casefold().strip()] > 1} for row in rows]


def _ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conversations first, the latest on top; then the others, online first."""
    return sorted(rows, key=lambda row: (-row["last_at_ms"], not row["online"], row["name"].casefold()))
