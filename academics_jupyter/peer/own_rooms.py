"""A profile's rooms, by the names that people type. What else one does is in `peer`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from academics_jupyter.errors import UsageError
from academics_jupyter.peer import room_tables
from academics_jupyter.peer.own_downloads import OwnDownloads
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.store.rooms import RoomRow

if TYPE_CHECKING:
    import pandas as pd


class OwnRooms(OwnDownloads):
    """What a person can do about rooms; a part of `Peer`. `room` is a room's name, with # or without, or an id."""

    async def create_room(self, name: str, *people: str, history: bool = False) -> RoomRow:
        """Found a room and invite people to it; with `history`, who joins later sees what was said before.

        Offline the invitations wait in the outbox. Raises UsageError, UnknownTargetError or AmbiguousTargetError.
        """
        if not name.strip("# "):
            raise UsageError("A room needs a name: %room create NAME PEER…")
        invited = [await self.lookup.peer(each) for each in people]
        row = await self.rooms.create(name.lstrip("#"), invited, history=history)
        self._note_if_offline("The room is made, and its invitations are kept")
        return row

    async def invite(self, room: str, *people: str) -> RoomRow:
        """Invite people to a room that we are in. Raises as `create_room`."""
        if not people:
            raise UsageError("Say whom: %room invite #ROOM PEER…")
        whole = await self.lookup.room(room)
        row = await self.rooms.invite(whole, [await self.lookup.peer(each) for each in people])
        self._note_if_offline("The invitations are kept")
        return row

    async def join_room(self, room: str) -> RoomRow:
        """Take an invitation up. Raises UsageError where there is none."""
        return await self.rooms.accept(await self.lookup.room(room))

    async def decline_room(self, room: str) -> RoomRow:
        """Do not take an invitation up. Raises UsageError where there is none."""
        return await self.rooms.decline(await self.lookup.room(room))

    async def leave_room(self, room: str) -> RoomRow:
        """Be a member no more. Nothing more of it is kept, even before its host could be told."""
        return await self.rooms.leave(await self.lookup.room(room))

    async def delete_room(self, room: str) -> RoomRow:
        """Close a room for good; only who founded it may. Everybody keeps what was said. Raises UsageError."""
        return await self.rooms.delete(await self.lookup.room(room))

    async def mute_room(self, room: str, *, muted: bool = True) -> RoomRow:
        """Have what comes in a room not count as unread, or count again."""
        return await self.rooms.mute(await self.lookup.room(room), muted=muted)

    async def set_room_terms(self, room: str, *, name: str | None = None, history: bool | None = None) -> RoomRow:
        """Rename a room, or open its history to those who join later; only who founded it may. Raises UsageError."""
        return await self.rooms.set_terms(await self.lookup.room(room), name=name, history=history)

    async def list_rooms(self) -> pd.DataFrame:
        """Our rooms, and those that we are invited to."""
        unread = await asyncio.to_thread(self._context.store.messages.unread)
        rows = [each for each in await self.rooms.all() if each.standing not in ("declined", "left")]
        return room_tables.rooms_table(rows, unread, self._context.me, self.exploring.name_of)

    async def room_members(self, room: str) -> pd.DataFrame:
        """Who is in a room, and who is online; who was invited and has not joined."""
        row = await self.rooms.get(await self.lookup.room(room))
        store = self._context.store
        contacts = {contact.peer: contact for contact in store.peers.all()}
        invited = await asyncio.to_thread(store.invitations.of, row.room)
        return room_tables.members_table(row, invited, contacts, self._context.me, self.exploring.name_of)

    async def receipts(self, message: str) -> pd.DataFrame:
        """To whom a message of ours has come, and who has read it; for a room's, a row for each other member."""
        whole, store = await self.lookup.message(message), self._context.store
        stored = await asyncio.to_thread(store.messages.get, whole)
        assert stored is not None  # noqa: S101 - it has just been looked up
        row = await asyncio.to_thread(store.rooms.get, stored.conversation) if is_room(stored.conversation) else None
        marks = await asyncio.to_thread(store.rooms.marks, stored.conversation)
        return room_tables.receipts_table(stored, row, marks, self._context.me, self.exploring.name_of)

    def conversation_name(self, conversation: str) -> str:
        """What people call a conversation: a peer's name, or a room's behind a #."""
        if not is_room(conversation):
            return self.exploring.name_of(conversation)
        row = self._context.store.rooms.get(conversation)
        return f"#{row.facts.name}" if row else "a room"
