"""What a panel hears of the moment: who is writing, and what has come while nobody looked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.peer.events import Event, MessageReceived, RoomInvited
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.typing import Writers
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.protocol.wire import TYPING_SHOWN_S

NOTIFY_INTERVAL_S = 2.0
"""What comes all at once after an absence is one notification for each conversation."""
MAX_TEXT_LENGTH = 140


class Hearing:
    """Follows one peer's events.

    `on_writing` is called when who is writing changes, `notify` with what has come while `is_seen` was false.
    """

    def __init__(
        self,
        on_writing: Callable[[], None],
        notify: Callable[[dict[str, Any]], None],
        is_seen: Callable[[], bool],
    ) -> None:
        self._on_writing, self._notify, self._is_seen = on_writing, notify, is_seen
        self._writers = Writers()
        self._peer: Peer | None = None
        self._listening: asyncio.Task[None] | None = None
        self._came: dict[str, list[MessageReceived | RoomInvited]] = {}
        self._telling = Repeated(self._tell, NOTIFY_INTERVAL_S)

    def follow(self, peer: Peer) -> None:
        """Hear this peer, and no other one."""
        if peer is self._peer:
            return
        if self._listening is not None:
            self._listening.cancel()
        self._peer, self._writers = peer, Writers()
        self._listening = asyncio.create_task(self._listen(peer), name="academics-hearing")

    async def stop(self) -> None:
        """Hear nothing more."""
        if self._listening is not None:
            self._listening.cancel()
        await self._telling.stop()

    def writing(self, conversation: str) -> list[str]:
        """The names of those who are writing there now."""
        peer = self._peer
        return [peer.exploring.name_of(each) for each in self._writers.of(conversation)] if peer else []

    async def _listen(self, peer: Peer) -> None:
        async for event in peer.events():
            if self._writers.note(event):
                self._on_writing()
                asyncio.get_running_loop().call_later(TYPING_SHOWN_S, self._on_writing)
            self._keep(event)

    def _keep(self, event: Event) -> None:
        if self._is_seen():
            self._came.clear()
            return
        match event:
            case MessageReceived():
                self._came.setdefault(event.conversation or event.author, []).append(event)
            case RoomInvited():
                self._came.setdefault(event.room, []).append(event)
            case _:
                return
        self._telling.soon()

    async def _tell(self) -> None:
        came, self._came = self._came, {}
        peer = self._peer
        if peer is None:
            return
        muted = {row.room for row in await peer.rooms.all() if row.muted}
        for conversation, events in came.items():
            if conversation not in muted:
                self._notify(await asyncio.to_thread(_news, peer, conversation, events))


def _news(peer: Peer, conversation: str, events: list[MessageReceived | RoomInvited]) -> dict[str, Any]:
    """What a notification says of a conversation."""
    last, name = events[-1], peer.conversation_name(conversation)
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    if isinstance(last, RoomInvited):
        title, text = f"An invitation to {name}", f"from {peer.exploring.name_of(last.inviter)}"
    elif is_room(conversation):
        title, text = f"{peer.exploring.name_of(last.author)} in {name}{more}", last.text
    else:
        title, text = f"{name}{more}", last.text
    return {"conversation": conversation, "title": title, "text": text[:MAX_TEXT_LENGTH]}
