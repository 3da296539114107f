"""The socket.io packets that a link takes: text only, and JSON without its dark corners.

An announced attachment that never comes would hold memory for ever, so binary packets are refused; so are NaN, absurd
numbers and bottomless nesting. A packet that cannot be read becomes the event MALFORMED, on which the link is ended:
an exception here would be logged by the library, with its traceback, for every such packet.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from socketio import packet

MALFORMED = "malformed packet"
_EVENT_TYPE = str(packet.EVENT)
_BINARY_TYPES = (str(packet.BINARY_EVENT), str(packet.BINARY_ACK))


class StrictJson:
    """What python-socketio expects of a JSON library."""

    @staticmethod
    def dumps(data: Any, **options: Any) -> str:
        """Compact JSON."""
        return json.dumps(data, allow_nan=False, ensure_ascii=False, **options)

    @staticmethod
    def loads(text: str) -> Any:
        """Raises ValueError or RecursionError."""
        return json.loads(text, parse_constant=_refuse_constant)


class TextPacket(packet.Packet):  # type: ignore[misc]
    """A packet without attachments."""

    packet_type: int
    data: Any

    uses_binary_events = False
    json = StrictJson

    def decode(self, encoded_packet: Any) -> int:
        """Read a packet; whatever is wrong with it, it becomes the event MALFORMED."""
        try:
            if not isinstance(encoded_packet, str) or encoded_packet[:1] in _BINARY_TYPES:
                raise TypeError("binary")
            super().decode(encoded_packet)
            if encoded_packet[:1] == _EVENT_TYPE and not _names_an_event(self.data):
                raise TypeError("no event name")
        except (ValueError, TypeError, RecursionError, IndexError, KeyError):
            self.packet_type, self.namespace, self.id, self.data = packet.EVENT, "/", None, [MALFORMED]
        return 0


def _names_an_event(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
