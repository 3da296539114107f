"""Chatting: what a person writes is a row before it is sent; what comes is a row before it is acknowledged."""

from __future__ import annotations

import asyncio

from academics_jupyter.errors import UsageError
from academics_jupyter.network.link import Link
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import MessageReceived
from academics_jupyter.protocol.messages import MAX_TEXT_LENGTH, check_delivery, open_message
from academics_jupyter.protocol.wire import Chat, Done
from academics_jupyter.store.messages import ConversationSummary, StoredMessage


class ChattingService:
    """One-to-one conversations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def send(self, peer: str, text: str) -> StoredMessage:
        """Store a message and queue it. Raises UsageError for an empty or overlong one."""
        if not text.strip():
            raise UsageError("There is nothing to send: write the message after the name.")
        if len(text) > MAX_TEXT_LENGTH:
            raise UsageError(
                f"The message has {len(text):,} characters and {MAX_TEXT_LENGTH:,} is the most: share it as a file."
            )
        context = self._context
        return await asyncio.to_thread(
            context.store.messages.compose, context.keys.signing, peer, text, context.clock.now_ms()
        )

    async def history(self, peer: str, limit: int | None = None, search: str = "") -> list[StoredMessage]:
        """The conversation, oldest first; reading it marks it read."""
        messages = await asyncio.to_thread(self._context.store.messages.history, peer, limit, search)
        await asyncio.to_thread(self._context.store.messages.mark_read, peer)
        return messages

    async def conversations(self) -> list[ConversationSummary]:
        """All conversations, the latest first."""
        return await asyncio.to_thread(self._context.store.messages.conversations)

    async def receive(self, link: Link, chat: Chat) -> Done:
        """A message came: committed before it is acknowledged; a repetition is acknowledged again, and no more."""
        message = open_message(chat.message)
        check_delivery(message, link.peer, self._context.me)
        now_ms = self._context.clock.now_ms()
        if await asyncio.to_thread(self._context.store.messages.receive, chat.message, message, now_ms):
            self._context.events.tell(MessageReceived(message.id, message.author, message.text))
        return Done()
