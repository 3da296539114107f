"""Packets: what is sound is read, whatever else becomes the event that ends the link, and nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio import packet

from academics_jupyter.network.attachments import Answer, Outgoing
from academics_jupyter.network.packets import MALFORMED, RESERVED, StrictJson, TextPacket
from academics_jupyter.protocol.wire import MAX_EVENT_BYTES

REFUSED = (packet.EVENT, "/", None, [MALFORMED], 0)


def read(encoded: Any) -> tuple[Any, ...]:
    found = TextPacket(encoded_packet=encoded)
    return (found.packet_type, found.namespace, found.id, found.data, found.attachment_count)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        ('2["ping",{}]', (packet.EVENT, None, None, ["ping", {}], 0)),
        ('217["ping",{}]', (packet.EVENT, None, 17, ["ping", {}], 0)),
        ('2/other,17["ping"]', (packet.EVENT, "/other", 17, ["ping"], 0)),
        ('317[{"done":true}]', (packet.ACK, None, 17, [{"done": True}], 0)),
        ("317[]", (packet.ACK, None, 17, [], 0)),
        ("0", (packet.CONNECT, None, None, None, 0)),
        ('0{"version":1}', (packet.CONNECT, None, None, {"version": 1}, 0)),
        ("1", (packet.DISCONNECT, None, None, None, 0)),
        ('4{"message":"blocked"}', (packet.CONNECT_ERROR, None, None, {"message": "blocked"}, 0)),
    ],
)
def test_a_sound_packet_is_read(encoded: str, expected: tuple[Any, ...]) -> None:
    assert read(encoded) == expected


GARBAGE: dict[str, Any] = {
    "nothing": "",
    "bytes": b"\x00\x01",
    "no bytes": b"",
    "a parsed object": {"a": 1},
    "a parsed number": 5,
    "no type": "hello",
    "an unknown type": "7[]",
    "a digit of another script": "²[]",
    "an announced attachment": '51-["chat",{"_placeholder":true,"num":0}]',
    "announced without end": '5999999999-["chat"]',
    "announced beyond ten digits": "599999999999999-[]",
    "an announced answer": "61-3[]",
    "attachments of an event": '21-["chat",{"_placeholder":true,"num":0}]x',
    "an event without data": "2",
    "an event that is no list": '2{"ping":1}',
    "an empty list": "2[]",
    "a number for a name": "2[1]",
    "null for a name": "2[null]",
    "a list for a name": '2[["ping"]]',
    "an answer to nothing": "3[]",
    "an answer without data": "317",
    "an answer that is no list": '317{"done":true}',
    "a list for auth": "0[1]",
    "text for auth": '0"x"',
    "a refusal that is a list": '4["a","b","c","d"]',
    "text after": '2["ping"]x',
    "cut short": '2["ping"',
    "NaN": '2["ping",NaN]',
    "infinity": '2["ping",-Infinity]',
    "a long integer": '2["ping",' + "9" * 900_000 + "]",
    "a long id": "2" + "9" * 200 + '["ping"]',
    "deep lists": '2["ping",' + "[" * 400_000,
    "deep lists, closed": '2["ping",' + "[" * 400_000 + "]" * 400_000 + "]",
    "deep objects": "2" + '{"a":' * 190_000,
    "a thing said twice": '2["ping",{"a":1,"a":2}]',
    "two megabytes": '2["ping","' + "x" * 2_000_000 + '"]',
    "a namespace and nothing": "2/",
}


@pytest.mark.parametrize("encoded", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_becomes_the_event_that_ends_the_link(encoded: Any) -> None:
    assert read(encoded) == REFUSED


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_peer_cannot_raise_socketios_own_events(name: str) -> None:
    assert read(f'2["{name}",{{}}]') == REFUSED
    assert read(f'217["{name}"]') == REFUSED


def test_a_packet_of_a_million_characters_is_the_longest() -> None:
    def long(length: int) -> str:
        return '2["ping","' + "x" * (length - 12) + '"]'

    assert len(long(MAX_EVENT_BYTES)) == MAX_EVENT_BYTES == 1_000_000
    assert read(long(MAX_EVENT_BYTES))[3][0] == "ping"
    assert read(long(MAX_EVENT_BYTES + 1)) == REFUSED


@given(st.text() | st.binary() | st.text().map(lambda rest: f"2{rest}") | st.text().map(lambda rest: f'3{rest}["a"]'))
def test_nothing_raises_and_nothing_waits_for_attachments(encoded: str | bytes) -> None:
    found = TextPacket(encoded_packet=encoded)
    assert found.packet_type in (packet.CONNECT, packet.DISCONNECT, packet.EVENT, packet.ACK, packet.CONNECT_ERROR)
    assert found.attachment_count == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(name=st.sampled_from(["ping", "chat", "news"]), data=JSON, number=st.none() | st.integers(0, 10**9))
def test_what_is_written_is_read(name: str, data: Any, number: int | None) -> None:
    encoded = TextPacket(packet.EVENT, data=[name, data], namespace="/", id=number).encode()
    assert read(encoded) == (packet.EVENT, None, number, [name, data], 0)


def test_the_answer_to_a_read_is_an_acknowledgement() -> None:
    answer = Answer(b"bytes")
    answer.number = 17
    assert read(answer) == (packet.ACK, None, 17, [b"bytes"], 0)


def test_an_acknowledgement_of_bytes_is_sent_as_one_attachment_and_as_the_very_same_bytes() -> None:
    data = Outgoing(b"bytes")
    announcement, attachment = TextPacket(packet.ACK, data=[data], namespace="/", id=17).encode()
    assert announcement == '61-17[{"_placeholder":true,"num":0}]'
    assert attachment is data


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (packet.EVENT, ["chat", b"bytes"]),
        (packet.EVENT, [b"bytes"]),
        (packet.ACK, [{"data": b"bytes"}]),
        (packet.ACK, [b"bytes", b"bytes"]),
    ],
)
def test_nothing_else_is_sent_as_attachments(kind: int, data: Any) -> None:
    with pytest.raises(TypeError):
        TextPacket(kind, data=data, id=1).encode()


def test_nan_is_never_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        StrictJson.dumps([float("nan")])
