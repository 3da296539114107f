"""Chatting: what a person writes is a row before it is sent; what comes is a row before it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from academics_jupyter.errors import UnknownTargetError, UsageError
from academics_jupyter.network.link import Link
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import MessageChanged, MessageReceived, MessagesRead, WritingBegun
from academics_jupyter.peer.rooms import RoomsService
from academics_jupyter.peer.typing import Pace
from academics_jupyter.protocol.mentions import mentioned
from academics_jupyter.protocol.messages import (
    MAX_MENTIONS,
    MAX_REACTION_LENGTH,
    MAX_RESOURCES,
    MAX_TEXT_LENGTH,
    Message,
    check_delivery,
    is_room,
    open_message,
)
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.wire import Chat, Done, Seen
from academics_jupyter.store.history import PENDING_PLACE, ConversationSummary, StoredMessage
from academics_jupyter.store.message_search import FoundMessages
from academics_jupyter.store.messages import Content
from academics_jupyter.store.read_marks import ReadMark


class ChattingService:
    """Conversations with a peer or in a room, which are named by their ids."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rooms = RoomsService(context)
        self._writing = Pace()
        # What is looked up first takes longer for one message than for another; they go out in the order written.
        self._turn = asyncio.Lock()

    # What is written here

    async def send(
        self,
        conversation: str,
        text: str,
        *,
        about: str = "",
        mentions: Sequence[str] | None = None,
        resources: Sequence[str] = (),
        cell: str = "",
    ) -> StoredMessage:
        """Store a message and queue it.

        `about` is the message that it replies to, `cell` a notebook cell (see `protocol.cells`). Whom it mentions is
        found in its text unless `mentions` says so. Raises UsageError for one that is empty or too long.
        """
        if not (text.strip() or resources or cell):
            raise UsageError("There is nothing to send: write the message after the name.")
        if len(resources) > MAX_RESOURCES:
            raise UsageError(f"A message takes {MAX_RESOURCES} resources at most: share a folder, or send two.")
        async with self._turn:
            if about and (await self._text(about)).conversation != conversation:
                raise UsageError("A reply goes to the conversation of what it replies to: check the id in %history.")
            named = await self._mentioned(conversation, text) if mentions is None else tuple(mentions)
            return await self._write(
                conversation, text, about=about, mentions=named, resources=tuple(resources), cell=cell
            )

    async def edit(self, message: str, text: str) -> StoredMessage:
        """Have a message of ours read otherwise from now on; as it reads then. Raises UsageError."""
        async with self._turn:
            known = await self._own(message)
            if not text.strip():
                raise UsageError("The new text is missing; %chat --withdraw takes a message back.")
            if text != known.text:
                named = await self._mentioned(known.conversation, text)
                await self._write(known.conversation, text, kind="edit", about=message, mentions=named)
            return await self._get(message)

    async def withdraw(self, message: str) -> StoredMessage:
        """Take a message of ours back: whoever has it shows it no more. Raises UsageError."""
        async with self._turn:
            known = await self._own(message)
            await self._check_writable(known.conversation)
            await self._context.keeper.kept(self._withdraw, known)
            return await self._get(message)

    async def react(self, message: str, text: str) -> StoredMessage:
        """React to a message, in place of what our reaction was; an empty text takes it back. Raises UsageError."""
        text = text.strip()
        if len(text) > MAX_REACTION_LENGTH or len(text.splitlines()) > 1:
            raise UsageError(f"A reaction has {MAX_REACTION_LENGTH} characters at most, in one line: write a reply.")
        async with self._turn:
            known = await self._text(message)
            former = next((each.text for each in known.reactions if each.author == self._context.me), "")
            if text != former:
                await self._write(known.conversation, text, kind="reaction", about=message)
            return await self._get(message)

    def writing(self, conversation: str) -> None:
        """The person is writing there; to be called at each keystroke, on the loop. Tells whoever has a link."""
        if self._context.settings.read_marks and self._writing.lets(conversation):
            self._context.events.tell(WritingBegun(conversation))

    async def _write(self, conversation: str, text: str, **content: Unpack[Content]) -> StoredMessage:
        if len(text) > MAX_TEXT_LENGTH:
            raise UsageError(
                f"The message has {len(text):,} characters and {MAX_TEXT_LENGTH:,} is the most: share it as a file."
            )
        await self._check_writable(conversation)
        context = self._context
        return await context.keeper.kept(
            context.store.messages.compose,
            context.keys.signing,
            conversation,
            text,
            context.clock.now_ms(),
            **content,
        )

    async def _check_writable(self, conversation: str) -> None:
        if is_room(conversation):
            await self._rooms.check_writable(conversation)

    def _withdraw(self, message: StoredMessage) -> None:
        """What of it still waits does not go out. The withdrawal does all the same: it may be on its way already.

        Within a transaction.
        """
        context, store = self._context, self._context.store
        said = {message.id, *store.messages.edits_of(message.id)}
        for entry in store.outbox.waiting(message.conversation):
            if entry.kind == "message" and entry.reference in said:
                store.outbox.done(entry.id)
        store.messages.compose(
            context.keys.signing,
            message.conversation,
            "",
            context.clock.now_ms(),
            kind="withdrawal",
            about=message.id,
        )

    async def _get(self, message: str) -> StoredMessage:
        found = await asyncio.to_thread(self._context.store.messages.get, message)
        if found is None:
            raise UnknownTargetError(f"There is no message {message[:8]}: %history shows them.")
        return found

    async def _text(self, message: str) -> StoredMessage:
        """A message that something can be said about."""
        found = await self._get(message)
        if found.kind != "text" or found.withdrawn:
            why = "was withdrawn" if found.withdrawn else "is a notice"
            raise UsageError(f"The message {message[:8]} {why}: nothing more can be said about it.")
        return found

    async def _own(self, message: str) -> StoredMessage:
        found = await self._text(message)
        if found.author != self._context.me:
            raise UsageError(f"The message {message[:8]} is not yours: only its author changes or withdraws it.")
        if found.state == "refused":
            raise UsageError(f"The message {message[:8]} was refused and never came: there is nothing to change.")
        return found

    # Whom it mentions

    async def _mentioned(self, conversation: str, text: str) -> tuple[str, ...]:
        if "@" not in text:
            return ()
        return mentioned(text, await asyncio.to_thread(self.circles, conversation))[:MAX_MENTIONS]

    def circles(self, conversation: str) -> list[Mapping[str, str]]:
        """Who can be mentioned there, ids with names: who is in the conversation, then everybody known."""
        store = self._context.store
        known = {contact.peer: contact.name for contact in store.peers.all()}
        known |= {signed.record.peer: signed.record.name for signed in store.records.profiles()}
        known.pop(self._context.me, None)
        row = store.rooms.get(conversation) if is_room(conversation) else None
        inside = row.facts.members if row is not None else (conversation,)
        named = {peer: name for peer, name in known.items() if name}
        return [{peer: named[peer] for peer in inside if peer in named}, named]

    # What is read

    async def history(self, conversation: str, limit: int | None = None) -> list[StoredMessage]:
        """The conversation, oldest first; reading it marks it read."""
        marks, store = self._context.store.read_marks, self._context.store
        # What comes while this is read may not be among it.
        place = await asyncio.to_thread(marks.newest, conversation)
        messages = await asyncio.to_thread(store.messages.history, conversation, limit)
        place = max([place, *(each.place for each in messages if each.place < PENDING_PLACE)])
        tell = self._context.settings.read_marks
        await asyncio.to_thread(lambda: marks.mark_read(conversation, place, tell=tell))
        return messages

    async def around(self, conversation: str, message: str, size: int) -> tuple[list[StoredMessage], bool, bool]:
        """The messages around one; see `History.around`. Marks nothing read: what is new may not be among them."""
        return await asyncio.to_thread(self._context.store.messages.around, conversation, message, size)

    async def search(self, words: str, conversation: str | None = None, limit: int | None = None) -> FoundMessages:
        """The newest `limit` messages with all of `words` in one conversation or in all, oldest first.

        See `MessageSearch.find`. Marks nothing read.
        """
        return await asyncio.to_thread(self._context.store.search.find, words, conversation, limit)

    async def conversations(self) -> list[ConversationSummary]:
        """All conversations, the latest first."""
        return await asyncio.to_thread(self._conversations)

    def _conversations(self) -> list[ConversationSummary]:
        store = self._context.store
        mentions = store.read_marks.mentions()
        return [replace(each, mentioned=mentions.get(each.conversation, 0)) for each in store.messages.conversations()]

    # What comes

    async def receive(self, link: Link, chat: Chat) -> Done:
        """A message came: committed before it is acknowledged; a repetition is acknowledged again, and no more."""
        message = open_message(chat.message)
        check_delivery(message, link.peer, self._context.me)
        if await self._context.keeper.kept(self._take, chat.message, message):
            # Its author is told first.
            asyncio.get_running_loop().call_soon(self._context.events.tell, _event_of(message))
        return Done()

    def _take(self, envelope: Envelope, message: Message) -> bool:
        store = self._context.store
        if not store.messages.receive(envelope, message, self._context.clock.now_ms()):
            return False
        store.read_marks.settle_withdrawn(message.about if message.kind == "withdrawal" else message.id)
        return True

    async def seen(self, link: Link, seen: Seen) -> Done:
        """A peer has read what we wrote to it."""
        mark = ReadMark(seen.series, seen.sequence)
        if await asyncio.to_thread(self._context.store.read_marks.seen, link.peer, mark):
            self._context.events.tell(MessagesRead(link.peer))
        return Done()


def _event_of(message: Message) -> MessageReceived | MessageChanged:
    if message.kind == "text":
        return MessageReceived(message.id, message.author, message.text, message.author)
    return MessageChanged(message.about, message.author, message.author)
