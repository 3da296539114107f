"""Who is writing just now: told to whoever has a link, shown for some seconds, and never part of a conversation.

A kernel in which the person writes tells the profile's others, as an event; the one that drives passes it on. What the
driver hears becomes an event again, for the panels of all kernels.
"""

from __future__ import annotations

import asyncio
import time

from academics_jupyter.errors import NetworkError, ProtocolError
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import Event, MessageReceived, WritingBegun, WritingSeen
from academics_jupyter.protocol import rooms
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.protocol.wire import TYPING_INTERVAL_S, TYPING_SHOWN_S, Done, Typing


class Pace:
    """Lets something through once in TYPING_INTERVAL_S for each key."""

    def __init__(self) -> None:
        self._last_s: dict[object, float] = {}

    def lets(self, key: object) -> bool:
        """Whether enough time has passed since the last one that was let through."""
        now_s = time.monotonic()
        self._last_s = {each: at_s for each, at_s in self._last_s.items() if now_s - at_s < TYPING_INTERVAL_S}
        return self._last_s.setdefault(key, now_s) == now_s


class Writers:
    """Who is writing where, as the events of a stream say; for whoever draws it, on one loop."""

    def __init__(self) -> None:
        self._seen_s: dict[tuple[str, str], float] = {}

    def note(self, event: Event) -> bool:
        """Take an event; whether it changes who is writing. A message that has come ends its author's writing."""
        match event:
            case WritingSeen(conversation, author):
                self._seen_s[conversation, author] = time.monotonic()
            case MessageReceived(_, author, _, conversation):
                return self._seen_s.pop((conversation or author, author), None) is not None
            case _:
                return False
        return True

    def of(self, conversation: str) -> list[str]:
        """The peers who are writing in a conversation now; ask again after TYPING_SHOWN_S."""
        now_s = time.monotonic()
        self._seen_s = {key: at_s for key, at_s in self._seen_s.items() if now_s - at_s < TYPING_SHOWN_S}
        return [author for where, author in self._seen_s if where == conversation]


class TypingService:
    """The driver's part."""

    def __init__(self, context: Context, mesh: Mesh) -> None:
        self._context, self._mesh = context, mesh
        self._told, self._heard = Pace(), Pace()
        self._telling: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Pass on that our person is writing, in whichever kernel, for ever."""
        async for event in self._context.events.events():
            if isinstance(event, WritingBegun) and self._context.settings.read_marks:
                await self._tell(event.conversation)

    async def heard(self, link: Link, _typing: Typing) -> Done:
        """Somebody is writing to us. Whoever says it all the time is heard once in a while."""
        if self._heard.lets((link.peer, link.peer)):
            self._context.events.tell(WritingSeen(link.peer, link.peer))
        return Done()

    def heard_in_room(self, room: str, peer: str) -> None:
        """A peer is writing in a room; one that is no member of it is not heeded."""
        if self._heard.lets((room, peer)) and peer in self._others(room):
            self._context.events.tell(WritingSeen(room, peer))

    async def _tell(self, conversation: str) -> None:
        if not self._told.lets(conversation):
            return
        for peer in await asyncio.to_thread(self._others, conversation):
            link = self._mesh.links.get(peer)
            if link is not None and not link.silent:
                task = asyncio.create_task(_tell(link, conversation))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)

    def _others(self, conversation: str) -> tuple[str, ...]:
        """Who is to know that our person writes there."""
        if not is_room(conversation):
            return (conversation,)
        row = self._context.store.rooms.get(conversation)
        return row.facts.members if row is not None and row.standing == "member" else ()


async def _tell(link: Link, conversation: str) -> None:
    try:
        if is_room(conversation):
            await link.call("room", rooms.RoomEvent(room=conversation, said=rooms.Typing()), Done)
        else:
            await link.call("typing", Typing(), Done)
    except (NetworkError, ProtocolError):
        # A mark that does not arrive is none.
        return
