"""Chatting from the panel: the conversations, and the one that is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from academics_jupyter.errors import RegistryError
from academics_jupyter.notebook.panels.attachments import Attachments
from academics_jupyter.notebook.panels.bodies import ConversationBodies
from academics_jupyter.notebook.panels.conversation_rows import Summaries, open_room, people_rows, room_rows
from academics_jupyter.notebook.panels.finding import Finding, Window
from academics_jupyter.notebook.panels.hearing import Hearing
from academics_jupyter.notebook.panels.message_actions import MessageActions
from academics_jupyter.notebook.panels.message_rows import MessageRows
from academics_jupyter.notebook.panels.part import Command, Subscription, read_static
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.room_actions import RoomActions
from academics_jupyter.notebook.panels.upload_part import UploadPart
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.people import Person
from academics_jupyter.protocol.mentions import written
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.store.rooms import RoomRow

REFRESH_INTERVAL_S = 10.0
MEETING_INTERVAL_S = 3.0
MAX_MENTIONABLE = 300
SCRIPTS = (
    "dom.js", "jupyter.js", "uploads.js", "markdown.js", "preview.js", "cells.js", "attachments.js", "actions.js",
    "thread.js", "mentions.js", "composer.js", "scrolling.js", "people.js", "rooms.js", "finding.js", "notifying.js",
    "chat.js",
)  # fmt: skip


class ChatPart(UploadPart):
    """Shows conversations, and marks what is in sight as read; `on_unread` is told how much is unread."""

    NAME = "chat"
    _esm: ClassVar[str] = read_static(*SCRIPTS)
    _css: ClassVar[str] = read_static("chat.css", "messages.css", "markdown.css")

    def __init__(self, session: Session, on_unread: Callable[[int], None], **traits: Any) -> None:
        self._on_unread = on_unread
        self._people: dict[str, Person] = {}
        self._conversation = ""
        self._window = Window()
        self._drawing = asyncio.Lock()
        self._bodies = ConversationBodies()
        self._mentionable: list[tuple[str, str]] = []
        self._met_s = 0.0
        self._meeting = Repeated(self._meet, MEETING_INTERVAL_S)
        self._hearing = Hearing(self._show_writing, self._notify, lambda: bool(self.sight))
        self._attachments = Attachments(self)
        self._actions = MessageActions(self)
        self._helpers = (self._actions, RoomActions(self, self.converse), Finding(self), self._attachments)
        super().__init__(session, **traits)

    def commands(self) -> dict[str, Command]:
        """Open a conversation, there where a message is; show more of it, or its end again; and what the helpers do."""
        own = {"open": self._open, "earlier": self._earlier, "later": self._later, "latest": self._latest}
        commands = super().commands() | own
        for helper in self._helpers:
            commands |= helper.commands()
        return commands

    def subscriptions(self) -> list[Subscription]:
        """Messages and their states; rooms; who is there; what one has."""
        return [
            (frozenset({"messages", "peers", "rooms"}), self.redraw.soon),
            (frozenset({"profiles", "presences", "peers"}), self.refresh),
            (frozenset({"downloads", "files"}), self._attachments.redraw.soon),
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
        """Ask no more, and hear no more."""
        await self._meeting.stop()
        await self._attachments.redraw.stop()
        await self._hearing.stop()
        await super().release()

    async def converse(self, conversation: str, message: str = "") -> None:
        """Show a conversation, with a message of it where one is named; with "", none."""
        if conversation != self._conversation:
            self._attachments.forget()
        self._conversation = conversation
        self._window.reset(message)
        self.problem = ""
        await self._find_mentionable()
        await self._draw()

    async def draw(self) -> None:
        """The conversations, and the open one; without a view in sight, only how much is unread."""
        peer = self.peer
        if peer is None:
            return
        self._hearing.follow(peer)
        # One after the other, so that what was read first is not shown last.
        async with self._drawing:
            conversations = await peer.chatting.conversations()
            rooms = await peer.rooms.all()
            invited = sum(row.standing == "invited" for row in rooms)
            self._on_unread(sum(each.unread for each in conversations) + invited)
            if self.sight:
                await self._draw_all(peer, {each.conversation: each for each in conversations}, rooms)

    async def _draw_all(self, peer: Peer, conversations: Summaries, rooms: Sequence[RoomRow]) -> None:
        conversation = self._conversation
        thread = await self._thread(peer, conversation, rooms)
        # Where another one was opened meanwhile, that is drawn next.
        if conversation == self._conversation:
            self.show(conversation=conversation, **thread)
            self._show_writing()
        self.show(receipts=await self._actions.receipts(peer))
        self.show(**await self._lists(peer, rooms, conversations))

    async def _thread(self, peer: Peer, conversation: str, rooms: Sequence[RoomRow]) -> dict[str, Any]:
        """The open conversation; to read it here marks it read, for it is in sight."""
        if not conversation:
            return {"thread": [], "earlier": False, "later": False, "room": None}
        messages, earlier, later = await self._window.read(peer, conversation)
        texts = [each for each in messages if each.kind == "text" and not each.withdrawn]
        if bodies := await self._bodies.make(conversation, texts):
            self.send({"bodies": bodies, "of": conversation})
        thread = await asyncio.to_thread(MessageRows(peer).rows, messages)
        room = next((row for row in rooms if row.room == conversation), None)
        return {
            "thread": thread,
            "earlier": earlier,
            "later": later,
            "room": await self._room(peer, room) if room else None,
            "mentionable": self._mentionable,
        }

    async def _room(self, peer: Peer, row: RoomRow) -> dict[str, Any]:
        contacts = {each.peer: each for each in await peer.exploring.contacts()}
        return await asyncio.to_thread(open_room, peer, row, await peer.rooms.answers(row.room), contacts)

    async def _lists(self, peer: Peer, rooms: Sequence[RoomRow], conversations: Summaries) -> dict[str, Any]:
        contacts = {each.peer: each for each in await peer.exploring.contacts()}
        known = dict.fromkeys([*(each for each in conversations if not is_room(each)), *self._people, *contacts])
        if self._conversation and not is_room(self._conversation):
            known[self._conversation] = None
        known.pop(peer.id, None)
        name_of = peer.exploring.name_of
        return {
            "people": await asyncio.to_thread(people_rows, known, self._people, contacts, conversations, name_of),
            "rooms": await asyncio.to_thread(room_rows, peer, rooms, conversations),
        }

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
        with self.errors_shown():
            await self._attachments.refresh()
            await self._find_mentionable()
        self.redraw.soon()

    async def _find_mentionable(self) -> None:
        """Who can be mentioned in the open conversation, those who are in it first."""
        peer = self.peer
        if peer is None or not self._conversation:
            return
        conversation = self._conversation
        circles = await asyncio.to_thread(peer.chatting.circles, conversation)
        if conversation != self._conversation:
            return  # whoever has opened another one meanwhile asks for its people
        names = dict.fromkeys(name for circle in circles for name in circle.values())
        self._mentionable = [(name, written(name)) for name in list(names)[:MAX_MENTIONABLE]]

    def _show_writing(self) -> None:
        if self.sight:
            self.show(writing=self._hearing.writing(self._conversation))

    def _notify(self, news: dict[str, Any]) -> None:
        if not self.sight:
            self.send({"arrived": news})

    async def _open(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        message = str(content.get("message", ""))
        await self.converse(str(content["conversation"]), message)
        if message:
            self.send({"lead": message})

    async def _earlier(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._window.earlier()
        await self._draw()

    async def _later(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._window.later()
        await self._draw()

    async def _latest(self, _content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        self._window.reset()
        await self._draw()

    async def _look(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """The bodies go before the messages that they are of."""
        self.send({"bodies": self._bodies.made, "of": self._bodies.conversation})
        await super()._look(content, buffers)
