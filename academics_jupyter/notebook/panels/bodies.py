"""What the messages of the open conversation look like. Each is made once, off the loop, and sent to the page once.

The page is sent little at a time by Jupyter's server, so a conversation has a limit: those of its messages that are
beyond it, from the newest on, are shown as they were written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from academics_jupyter.notebook.markdown import parsed
from academics_jupyter.notebook.tree import Node, walked
from academics_jupyter.store.history import StoredMessage

MAX_WEIGHT = 20_000
CHARACTERS_A_NODE = 16

Bodies = dict[str, list[Node]]


class ConversationBodies:
    """The bodies of one conversation's messages, by the messages' ids; of another one once it is asked for that."""

    def __init__(self) -> None:
        self.made: Bodies = {}
        self.conversation = ""
        self._texts: dict[str, str] = {}
        self._weight = 0

    async def make(self, conversation: str, messages: Sequence[StoredMessage]) -> Bodies:
        """Those that are new or have changed since they were last asked for, and have a look of their own."""
        if conversation != self.conversation:
            self.conversation, self.made, self._texts, self._weight = conversation, {}, {}, 0
        changed = {each.id: each.text for each in reversed(messages) if self._texts.get(each.id) != each.text}
        if not changed:
            return {}
        made, weight = await asyncio.to_thread(_made, changed, MAX_WEIGHT - self._weight)
        made |= {each: [text] for each, text in changed.items() if each in self.made and each not in made}
        if conversation == self.conversation:
            self.made |= made
            self._texts |= changed
            self._weight += weight
        return made


def _made(texts: dict[str, str], limit: int) -> tuple[Bodies, int]:
    """The bodies of texts, as long as they weigh less than the limit, and their weight."""
    bodies: Bodies = {}
    weight = 0
    for message, text in texts.items():
        weight += len(text) // CHARACTERS_A_NODE
        if weight < limit:
            bodies[message] = parsed(text)
            weight += sum(1 for _ in walked(bodies[message]))
    return bodies, min(weight, limit)
