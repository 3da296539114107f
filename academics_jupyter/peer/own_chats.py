"""A profile's conversations, by the names and ids that people type. What else one does is in `peer`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from academics_jupyter.errors import RemoteProtocolError, UnknownTargetError, UsageError
from academics_jupyter.peer import tables
from academics_jupyter.peer.conversation_export import ConversationExport
from academics_jupyter.peer.message_text import MessageText
from academics_jupyter.peer.own_rooms import OwnRooms
from academics_jupyter.protocol.cells import Cell, opened
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.store.history import ConversationSummary, StoredMessage

if TYPE_CHECKING:
    import pandas as pd


class OwnChats(OwnRooms):
    """What a person can do in conversations; a part of `Peer`. `peer` names a person or, with #, a room."""

    async def chat(
        self, peer: str, text: str, *, reply: str = "", attach: Iterable[str] = (), cell: str = ""
    ) -> StoredMessage:
        """Send a message; to somebody offline it waits until both are online.

        `reply` is the message that it replies to, `attach` are resources, `cell` is a notebook cell as
        `protocol.cells` makes it. Raises UsageError, UnknownTargetError or AmbiguousTargetError.
        """
        conversation = await self.lookup.conversation(peer)
        about = await self.lookup.message(reply) if reply else ""
        resources = [await self._attachable(each) for each in attach]
        message = await self.chatting.send(conversation, text, about=about, resources=resources, cell=cell)
        self._note_if_offline("The message is kept")
        return message

    async def _attachable(self, text: str) -> str:
        """The id of a resource that can be described to whoever reads of it."""
        listing = await self.exploring.listing(await self.lookup.resource(text))
        if listing is None:
            raise UnknownTargetError(f"Nobody describes {text!r}, so nobody could download it: %share it first.")
        return listing.resource.id

    async def edit_message(self, message: str, text: str) -> StoredMessage:
        """Have a message of ours read otherwise, there too. Raises UsageError or UnknownTargetError."""
        edited = await self.chatting.edit(await self.lookup.message(message), text)
        self._note_if_offline("The change is kept")
        return edited

    async def withdraw_message(self, message: str) -> StoredMessage:
        """Take a message of ours back, there too. Raises UsageError or UnknownTargetError."""
        withdrawn = await self.chatting.withdraw(await self.lookup.message(message))
        self._note_if_offline("The withdrawal is kept")
        return withdrawn

    async def react(self, message: str, text: str) -> StoredMessage:
        """React to a message, such as with 👍; an empty text takes it back. Raises UsageError or UnknownTargetError."""
        reacted = await self.chatting.react(await self.lookup.message(message), text)
        self._note_if_offline("The reaction is kept")
        return reacted

    async def cell_of(self, message: str) -> Cell:
        """The notebook cell that came with a message, safe to show and not run. Raises UsageError."""
        stored = await asyncio.to_thread(self._context.store.messages.get, await self.lookup.message(message))
        if stored is None or not stored.cell:
            raise UsageError(f"The message {message[:8]} has no cell: %history shows which have one.")
        try:
            return opened(stored.cell)
        except RemoteProtocolError as error:
            raise UsageError(f"What came with the message {message[:8]} is no cell that can be read.") from error

    async def history(self, peer: str, *, search: str = "", limit: int | None = None) -> pd.DataFrame:
        """A conversation, oldest first; reading it marks it read.

        With `search`, which marks nothing read, only messages that have all its words (see `MessageSearch.find`).
        """
        whole = await self.lookup.conversation(peer)
        messages = await self._found(search, whole, limit) if search else await self.chatting.history(whole, limit)
        return await asyncio.to_thread(tables.history_table, messages, self.exploring.name_of, self.words().whole)

    async def search_messages(self, words: str, *, limit: int | None = None) -> pd.DataFrame:
        """The messages of all conversations that have all of `words` (see `MessageSearch.find`), oldest first."""
        found = await self._found(words, None, limit)
        names = (self.conversation_name, self.exploring.name_of)
        return await asyncio.to_thread(tables.found_table, found, *names, self.words().whole)

    async def _found(self, words: str, conversation: str | None, limit: int | None) -> list[StoredMessage]:
        found = await self.chatting.search(words, conversation, limit)
        if found.missing:
            self.notice = (
                f"The search index is being made: about {found.missing:,} older messages are not searched yet."
                " Search again in a moment."
            )
        return found.messages

    async def export_conversation(self, peer: str, to: str | Path) -> Path:
        """Write a conversation to a new file that ends in .md, to be read, or in .json, with everything; its path.

        Works offline, and marks nothing read. Raises UsageError, UnknownTargetError or StoreError.
        """
        conversation = await self.lookup.conversation(peer)
        export = ConversationExport(self._context, self.exploring.name_of)
        return await asyncio.to_thread(export.write, conversation, self.conversation_name(conversation), Path(to))

    async def inbox(self) -> pd.DataFrame:
        """What is unread, by conversation; `mentioned` is how much of it mentions us."""
        unread = [each for each in await self.chatting.conversations() if each.unread]
        return tables.inbox_table(
            [
                {
                    "conversation": self.conversation_name(each.conversation),
                    "unread": each.unread,
                    "mentioned": each.mentioned,
                    "last_at": each.last_at_ms,
                    "last_text": await asyncio.to_thread(self.last_text, each),
                    "fingerprint": "" if is_room(each.conversation) else fingerprint(each.conversation),
                }
                for each in unread
            ]
        )

    def last_text(self, summary: ConversationSummary) -> str:
        """The last message of a conversation, in words where it has no text."""
        if summary.last_text:
            return summary.last_text
        last = self._context.store.messages.history(summary.conversation, 1)
        return self.words().whole(last[0]) if last else ""

    def words(self) -> MessageText:
        """Puts messages in words."""
        return MessageText(self._context, self.exploring.name_of)
