"""What a person can do with messages in the panel: write, edit, take back, react, see who has one and what is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from academics_jupyter.errors import AcademicsError
from academics_jupyter.notebook.markdown import parsed
from academics_jupyter.notebook.panels.part import Command
from academics_jupyter.notebook.panels.upload_part import UploadPart
from academics_jupyter.notebook.received_cells import hides_something
from academics_jupyter.peer.peer import Peer

MAX_SHOWN_LENGTH = 20_000


class MessageActions:
    """The commands of one part. Messages and conversations are named by their ids."""

    def __init__(self, part: UploadPart) -> None:
        self._part = part
        self._asked_about = ""

    async def receipts(self, peer: Peer) -> dict[str, Any]:
        """Who has the message that somebody asks about, if any."""
        message = self._asked_about
        rows = (await peer.receipts(message)).to_dict("records") if message else []
        return {"message": message, "rows": rows}

    def commands(self) -> dict[str, Command]:
        """Send, edit, withdraw, react; say that one writes; see what one writes, who has a message, and its cell."""
        return {
            "send": self._send,
            "edit": self._edit,
            "withdraw": self._withdraw,
            "react": self._react,
            "writing": self._writing,
            "preview": self._preview,
            "receipts": self._receipts,
            "cell": self._cell,
        }

    async def _send(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        with self._answered(content):
            peer = await self._part.registered()
            await peer.chatting.send(
                str(content["conversation"]),
                str(content["text"]),
                about=str(content.get("about", "")),
                resources=[str(each) for each in content.get("resources", ())],
            )
            # What was sent is drawn before it is said to be taken, so that it is there all the time.
            await self._part.draw()

    async def _edit(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        with self._answered(content):
            peer = await self._part.registered()
            await peer.chatting.edit(str(content["message"]), str(content["text"]))
            await self._part.draw()

    @contextmanager
    def _answered(self, content: Mapping[str, Any]) -> Iterator[None]:
        """Either way, so that no text is lost on the way here."""
        try:
            yield
        except AcademicsError:
            self._part.send({"refused": content["key"]})
            raise
        self._part.send({"taken": content["key"]})

    async def _withdraw(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).chatting.withdraw(str(content["message"]))

    async def _react(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        await (await self._part.registered()).chatting.react(str(content["message"]), str(content["text"]))

    async def _writing(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        (await self._part.registered()).chatting.writing(str(content["conversation"]))

    async def _preview(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        body = await asyncio.to_thread(parsed, str(content["text"]))
        self._part.send({"previewed": content["key"], "body": body})

    async def _receipts(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """From now on, of one message; of "", of none."""
        self._asked_about = str(content["message"])
        await self._part.draw()

    async def _cell(self, content: Mapping[str, Any], _buffers: Sequence[memoryview]) -> None:
        """Its pictures go as bytes, each output with which of them is its own."""
        message = str(content["message"])
        cell = await (await self._part.registered()).cell_of(message)
        pictures = [output.png for output in cell.outputs if output.png]
        places = iter(range(len(pictures)))
        outputs = [
            {"text": output.text[:MAX_SHOWN_LENGTH], "picture": next(places) if output.png else None}
            for output in cell.outputs
        ]
        hides = hides_something(cell.source)
        self._part.send({"cell_of": message, "source": cell.source, "hides": hides, "outputs": outputs}, pictures)
