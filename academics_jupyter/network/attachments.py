"""The binary frames of one connection: answers to the reads that went out over it, and nothing else. No I/O.

An acknowledgement with an attachment comes in two frames, `461-N[{"_placeholder":true,"num":0}]` and the bytes. Here
they become one, so that nothing above ever waits for an attachment.

| announced | comes                           | then                                                      |
| --------- | ------------------------------- | --------------------------------------------------------- |
| nothing   | an announcement of N            | N is announced, if it is a read that is not answered yet  |
| N         | bytes, no more than N asked for | the answer N; nothing is announced                        |
| either    | text that acknowledges N        | N is answered; the text                                   |
| N         | any other message of socket.io  | refused                                                   |
| nothing   | bytes                           | refused                                                   |
| either    | any other text                  | the text                                                  |
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_READ = re.compile(r'42(\d+)\["read",(\{.*\})\]', re.ASCII)
_ANNOUNCEMENT = re.compile(r'461-(\d{1,10})\[\{"_placeholder":true,"num":0\}\]', re.ASCII)
_ACKNOWLEDGEMENT = re.compile(r"43(\d{1,10})\[", re.ASCII)
_MESSAGE = "4"


class Answer(bytes):
    """Bytes that came, and the `number` of the read that they answer."""

    number: int


class Outgoing(bytes):
    """Bytes that are to go out as the answer to a read; `gone` is called once the connection has taken them."""

    gone: Callable[[], None]


class Attachments:
    """What binary frames may come over one connection, by what went out over it."""

    def __init__(self) -> None:
        self._asked: dict[int, int] = {}
        self._announced: int | None = None

    def sending(self, frame: str) -> None:
        """A text frame goes out. Where it is a read, its answer may come."""
        if found := _READ.fullmatch(frame):
            self._asked[int(found[1])] = json.loads(found[2])["length"]

    def received(self, frame: str | bytes) -> str | Answer | None:
        """What a frame that came is to the library; none if the next one belongs to it.

        Raises ValueError for one that may not come.
        """
        if isinstance(frame, bytes):
            return self._answer(frame)
        if self._announced is not None and frame.startswith(_MESSAGE):
            raise ValueError("a message in the place of an attachment")
        if found := _ANNOUNCEMENT.fullmatch(frame):
            self._announce(int(found[1]))
            return None
        if found := _ACKNOWLEDGEMENT.match(frame):
            self._asked.pop(int(found[1]), None)
        return frame

    def _announce(self, number: int) -> None:
        if number not in self._asked:
            raise ValueError("an attachment that nobody asked for")
        self._announced = number

    def _answer(self, data: bytes) -> Answer:
        if self._announced is None or not 0 < len(data) <= self._asked[self._announced]:
            raise ValueError("bytes that nobody asked for")
        answer = Answer(data)
        answer.number, self._announced = self._announced, None
        del self._asked[answer.number]
        return answer
