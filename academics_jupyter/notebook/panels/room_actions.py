"""What a person can do about rooms in the panel. Rooms and people are named by their ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from academics_jupyter.notebook.panels.part import Command
from academics_jupyter.notebook.panels.upload_part import UploadPart

Converse = Callable[[str], Awaitable[None]]


class RoomActions:
    """The commands of one part; `converse` shows a conversation."""

    def __init__(self, part: UploadPart, converse: Converse) -> None:
        self._part, self._converse = part, converse

    def commands(self) -> dict[str, Command]:
        """Found a room, ask people in; take an invitation up or not; leave, delete, mute."""
        return {
            "create": self._create,
            "invite": self._invite,
            "accept": self._accept,
            "decline": self._decline,
            "leave": self._leave,
            "delete": self._delete,
            "mute": self._mute,
            "terms": self._set_terms,
        }

    async def _create(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Answered once it is there, so that what was filled in stays where it is not."""
        peer = await self._part.registered()
        name = str(content["name"]).lstrip("# ")
        row = await peer.rooms.create(name, _people(content), history=bool(content.get("history")))
        await self._converse(row.room)
        self._part.send({"created": row.room})

    async def _invite(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self._part.registered()
        await peer.rooms.invite(str(content["room"]), _people(content))

    async def _accept(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self._part.registered()
        row = await peer.rooms.accept(str(content["room"]))
        await self._converse(row.room)

    async def _decline(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).rooms.decline(str(content["room"]))

    async def _leave(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).rooms.leave(str(content["room"]))

    async def _delete(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).rooms.delete(str(content["room"]))

    async def _mute(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        peer = await self._part.registered()
        await peer.rooms.mute(str(content["room"]), muted=bool(content["muted"]))

    async def _set_terms(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Answered once it is so, as `create`."""
        peer, room = await self._part.registered(), str(content["room"])
        former, name = await peer.rooms.get(room), str(content["name"]).lstrip("# ")
        history = bool(content.get("history"))
        if (name, history) != (former.facts.name, former.facts.history):
            await peer.rooms.set_terms(room, name=name, history=history)
        self._part.send({"agreed": room})


def _people(content: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in content["people"]]
