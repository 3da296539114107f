"""The messages in what was said in a room, checked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room_log import Post
from academics_jupyter.protocol.rooms import Entries, Entry, Given, Said, Submit
from academics_jupyter.store.room_copies import Opened, opened, post_from

FEW = 3
"""As many signatures are checked on the loop, which is quicker than a thread."""

log = logging.getLogger(__name__)


async def opened_all(room: str, said: Said) -> tuple[dict[str, Opened], list[Post | None]]:
    """Those that hold, by their ids; and what a log looks at of each, in order, None for one that does not hold."""
    match said:
        case Entries(entries=entries):
            messages: Sequence[Envelope | Entry] = entries
        case Submit(messages=submitted) | Given(messages=submitted):
            messages = submitted
        case _:
            return {}, []
    if len(messages) <= FEW:
        return _checked(room, messages)
    return await asyncio.to_thread(_checked, room, messages)


def _checked(room: str, messages: Sequence[Envelope | Entry]) -> tuple[dict[str, Opened], list[Post | None]]:
    came: dict[str, Opened] = {}
    posts: list[Post | None] = []
    for said in messages:
        message = said.message if isinstance(said, Entry) else said
        if message is None:
            head = said.head if isinstance(said, Entry) else None
            posts.append(post_from(head) if head else None)
            continue
        try:
            one = opened(message)
            if one.message.recipient != room:
                raise RemoteProtocolError("a message of another room")
        except RemoteProtocolError as error:
            log.warning("a message in the room %s does not hold: %s", room[:8], error)
            posts.append(None)
            continue
        came[one.post.id] = one
        posts.append(one.post)
    return came, posts
