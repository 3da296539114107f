"""The socket.io packets that a link takes: text, the bytes of a read, and JSON without its dark corners.

An announced attachment that never comes would hold memory for ever, so binary packets are refused: the answer to a read
comes from `attachments` in one. Refused as well are NaN, absurd numbers, objects that say a thing twice, bottomless
nesting, and the names of socket.io's own events. A packet that cannot be read becomes the event MALFORMED, on which the
link is ended: an exception here would be logged by the library, with its traceback, for every such packet.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from socketio import packet

from academics_jupyter.network.attachments import Answer
from academics_jupyter.protocol.records import unique_members
from academics_jupyter.protocol.wire import MAX_EVENT_BYTES

MALFORMED = "malformed packet"
RESERVED = frozenset({"*", "connect", "disconnect", "connect_error", "__disconnect_final"})
"""What socket.io calls its own events: one of these from a peer would be handled as if the library had raised it."""


class StrictJson:
    """What python-socketio expects of a JSON library."""

    @staticmethod
    def dumps(data: Any, **options: Any) -> str:
        """Compact JSON."""
        return json.dumps(data, allow_nan=False, ensure_ascii=False, **options)

    @staticmethod
    def loads(text: str) -> Any:
        """Raises ValueError or RecursionError."""
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=unique_members)


class TextPacket(packet.Packet):  # type: ignore[misc]
    """A packet without attachments, but for an acknowledgement that is nothing but bytes."""

    packet_type: int
    id: int | None
    data: Any

    uses_binary_events = False
    json = StrictJson

    def __init__(self, *args: Any, encoded_packet: Any = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.packet_type == packet.ACK and _is_one_attachment(self.data):
            self.packet_type = packet.BINARY_ACK
        # The library takes an empty packet for none at all.
        if encoded_packet is not None:
            self.decode(encoded_packet)

    def decode(self, encoded_packet: Any) -> int:
        """Read a packet; whatever is wrong with it, it becomes the event MALFORMED."""
        if isinstance(encoded_packet, Answer):
            self.packet_type, self.namespace = packet.ACK, None
            self.id, self.data = encoded_packet.number, [encoded_packet]
            return 0
        try:
            if not isinstance(encoded_packet, str) or len(encoded_packet) > MAX_EVENT_BYTES:
                raise TypeError("no text, or too long")
            super().decode(encoded_packet)
            if not self._is_sound():
                raise TypeError("not what a packet of its type carries")
        except (ValueError, TypeError, RecursionError, IndexError, KeyError):
            self.packet_type, self.namespace, self.id, self.data = packet.EVENT, "/", None, [MALFORMED]
        return 0

    def _is_sound(self) -> bool:
        match self.packet_type:
            case packet.EVENT:
                return _is_event(self.data)
            case packet.ACK:
                return isinstance(self.data, list) and self.id is not None
            case packet.CONNECT | packet.CONNECT_ERROR:
                return self.data is None or isinstance(self.data, dict)
            case packet.DISCONNECT:
                return True
            case _:
                return False


def _is_event(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str) and data[0] not in RESERVED


def _is_one_attachment(data: Any) -> bool:
    return isinstance(data, list) and len(data) == 1 and isinstance(data[0], bytes)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
