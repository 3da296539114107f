"""Signed records: what is signed comes back, what is not exactly that is refused with its code and nothing else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.errors import LocalProtocolError, RemoteProtocolError
from academics_jupyter.protocol.identity import peer_id, sign
from academics_jupyter.protocol.records import (
    KINDS,
    MAX_PAYLOAD_BYTES,
    Author,
    Envelope,
    Holding,
    Presence,
    Profile,
    Record,
    Resource,
    convert,
    decode,
    newer,
    open_as,
    open_record,
    sign_record,
)
from academics_jupyter.protocol.wire import Ask, Hello
from tests.meshes import key

KEY = key(1)
COUNTERS = st.integers(0, (1 << 53) - 1)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
HEADER: dict[str, Any] = {
    "peer": st.just(peer_id(KEY)),
    "epoch": COUNTERS,
    "sequence": COUNTERS,
    "issued_at_ms": COUNTERS,
    "expires_at_ms": COUNTERS,
}
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Presence,
        **HEADER,
        name=WORDS,
        urls=st.lists(LINES, max_size=16).map(tuple),
        certificate=HEX,
        online=st.booleans(),
        busy=st.booleans(),
    ),
    st.builds(
        Profile,
        **HEADER,
        name=WORDS,
        email=LINES,
        affiliation=LINES,
        interests=st.lists(WORDS, max_size=5).map(tuple),
    ),
    st.builds(
        Resource,
        **HEADER,
        id=HEX,
        sha256=HEX,
        size_bytes=st.integers(0, 1 << 53),
        file_name=WORDS,
        media_type=LINES,
        kind=st.sampled_from(["paper", "data", "notebook", "figure", "code", "text", "other"]),
        title=LINES,
        authors=st.lists(st.builds(Author, family=LINES, given=LINES, literal=LINES), max_size=3).map(tuple),
        abstract=LINES,
        keywords=st.lists(WORDS, max_size=5).map(tuple),
        license=LINES,
        doi=LINES,
        year=st.none() | st.integers(0, 9999),
        created_at_ms=COUNTERS,
        withdrawn=st.booleans(),
    ),
    st.builds(Holding, **HEADER, resource=HEX, held=st.booleans()),
)
HOLDING = Holding(
    peer=peer_id(KEY), epoch=1, sequence=2, issued_at_ms=3, expires_at_ms=4, resource="ab" * 32, held=True
)


def signed_text(text: str, label: str = Holding.LABEL) -> Envelope:
    """`text` as somebody would sign it who does not follow the schema."""
    payload = f"{label}\n{text}"
    return Envelope(payload=payload, signature=sign(KEY, payload.encode()))


def altered(**members: Any) -> Envelope:
    return signed_text(json.dumps(msgspec.to_builtins(HOLDING) | members))


def code_of(envelope: Envelope) -> str:
    with pytest.raises(RemoteProtocolError) as refused:
        open_record(envelope)
    return refused.value.code


@given(record=RECORDS)
def test_what_is_signed_comes_back_whole_and_as_the_same_bytes(record: Record) -> None:
    signed = sign_record(KEY, record)
    travelled = msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(signed.envelope))), Envelope)
    assert open_record(travelled) == signed
    assert signed.record == record


@given(record=RECORDS, data=st.data())
def test_a_payload_with_any_byte_changed_is_refused(record: Record, data: st.DataObject) -> None:
    envelope = sign_record(KEY, record).envelope
    place = data.draw(st.integers(0, len(envelope.payload) - 1))
    other = data.draw(st.characters().filter(lambda char: char != envelope.payload[place]))
    payload = envelope.payload[:place] + other + envelope.payload[place + 1 :]
    assert code_of(msgspec.structs.replace(envelope, payload=payload)) in {"bad_signature", "malformed", "unknown_kind"}


@given(record=RECORDS, bit=st.integers(0, 511))
def test_a_signature_with_any_bit_changed_is_refused(record: Record, bit: int) -> None:
    envelope = sign_record(KEY, record).envelope
    changed = bytearray.fromhex(envelope.signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert code_of(msgspec.structs.replace(envelope, signature=changed.hex())) == "bad_signature"


def test_a_record_signed_by_another_than_its_peer_is_refused() -> None:
    envelope = sign_record(KEY, HOLDING).envelope
    forged = msgspec.structs.replace(envelope, signature=sign(key(2), envelope.payload.encode()))
    assert code_of(forged) == "bad_signature"
    with pytest.raises(LocalProtocolError):
        sign_record(key(2), HOLDING)


def test_a_record_cannot_be_passed_as_another_kind() -> None:
    envelope = sign_record(KEY, HOLDING).envelope
    relabelled = envelope.payload.replace(Holding.LABEL, Profile.LABEL)
    assert code_of(msgspec.structs.replace(envelope, payload=relabelled)) == "malformed"
    with pytest.raises(RemoteProtocolError):
        open_as(Presence, envelope)
    assert open_as(Holding, envelope).record == HOLDING


@pytest.mark.parametrize("label", ["academics/1/message", "academics/2/holding", "", "academics/1/dialler", "holding"])
def test_a_kind_that_is_not_known_is_refused_as_such(label: str) -> None:
    assert code_of(signed_text("{}", label)) == "unknown_kind"


def test_fields_of_a_later_version_are_ignored() -> None:
    assert open_record(altered(later={"anything": [1, None]})).record == HOLDING


@pytest.mark.parametrize(
    "members",
    [
        {"peer": {"$ne": None}},
        {"resource": {"$ne": None}},
        {"resource": {"$gt": ""}},
        {"resource": "ab" * 32 + "\n"},
        {"resource": "AB" * 32},
        {"resource": None},
        {"sequence": 1 << 53},
        {"sequence": 1 << 63},
        {"sequence": -1},
        {"sequence": 1.5},
        {"sequence": "1"},
        {"sequence": True},
        {"epoch": 10**400},
        {"expires_at_ms": -1},
        {"expires_at_ms": 1 << 64},
        {"held": 1},
        {"held": "true"},
    ],
)
def test_a_signed_record_that_breaks_its_schema_is_refused(members: dict[str, Any]) -> None:
    assert code_of(altered(**members)) == "malformed"


BOMBS = {
    "deep lists": "[" * 400_000,
    "deep lists, closed": "[" * 400_000 + "]" * 400_000,
    "deep objects": '{"a":' * 400_000,
    "deep in a field not known": '{"x":' + "[" * 400_000 + "]" * 400_000 + "}",
    "a long integer": '{"sequence":' + "9" * 900_000 + "}",
    "a long integer in a field not known": '{"x":' + "9" * 900_000 + "}",
    "NaN": '{"sequence":NaN}',
    "infinity": '{"sequence":-Infinity}',
    "an infinite number": '{"sequence":1e999}',
    "a list": "[]",
    "null": "null",
    "nothing": "",
    "two values": "{} {}",
    "an unpaired surrogate, escaped": '{"peer":"\\ud800"}',
    "an unpaired surrogate": '{"peer":"\ud800"}',
    "NUL": "\x00",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_hostile_json_is_refused_and_raises_nothing_else(bomb: str) -> None:
    for kind in (*KINDS.values(), Hello, Ask):
        with pytest.raises(RemoteProtocolError) as refused:
            decode(bomb, kind)
        assert refused.value.code == "malformed"
    for label in KINDS:
        assert code_of(Envelope(payload=f"{label}\n{bomb}", signature="0" * 128)) == "malformed"


def test_an_object_that_says_a_thing_twice_is_refused() -> None:
    twice = json.dumps(msgspec.to_builtins(HOLDING))[:-1] + ',"held":false}'
    assert code_of(signed_text(twice)) == "malformed"
    nested = json.dumps(msgspec.to_builtins(HOLDING))[:-1] + ',"later":{"a":1,"a":2}}'
    assert code_of(signed_text(nested)) == "malformed"


def test_a_payload_may_have_64_kib_and_no_more() -> None:
    def padded(length: int) -> Envelope:
        room = length - len(altered(later="").payload.encode())
        return altered(later="x" * room)

    assert open_record(padded(MAX_PAYLOAD_BYTES)).record == HOLDING
    assert code_of(padded(MAX_PAYLOAD_BYTES + 1)) == "malformed"


def test_a_record_of_ours_that_others_would_refuse_is_not_signed() -> None:
    too_long = Profile(
        peer=peer_id(KEY), epoch=0, sequence=0, issued_at_ms=0, expires_at_ms=0, name="x", email="é" * 1_001
    )
    for bad in (
        too_long,
        msgspec.structs.replace(too_long, email="", name=""),
        msgspec.structs.replace(too_long, email="\ud800"),
        msgspec.structs.replace(HOLDING, epoch=-1),
    ):
        with pytest.raises(LocalProtocolError):
            sign_record(KEY, bad)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "text",
        b"bytes",
        1,
        float("nan"),
        {},
        {1: 2},
        {"resource": {"$ne": None}},
        {"resource": ["ab" * 32]},
        {"resource": 10**4_000},
        {"resource": "ab" * 32 + "\n"},
        {"resource": "\ud800" * 64},
    ],
)
def test_an_event_that_breaks_its_schema_is_refused(data: Any) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        convert(data, Ask)
    assert refused.value.code == "malformed"


def test_an_event_nested_without_end_is_refused() -> None:
    deep: list[Any] = []
    inner = deep
    for _ in range(100_000):
        inner.append([])
        inner = inner[0]
    for data in (deep, {"version": 1, "agent": "", "records": deep}, {"version": deep}):
        with pytest.raises(RemoteProtocolError):
            convert(data, Hello)


@given(record=RECORDS, other=RECORDS)
def test_of_two_records_the_higher_epoch_then_sequence_counts(record: Record, other: Record) -> None:
    ranks = (record.epoch, record.sequence), (other.epoch, other.sequence)
    assert newer(record, other) is (ranks[0] > ranks[1])
    assert newer(record, None)
    assert not newer(record, record)


def test_what_a_newer_record_replaces() -> None:
    assert HOLDING.key == "ab" * 32 + peer_id(KEY)
    header = {name: getattr(HOLDING, name) for name in HEADER}
    assert Profile(**header, name="x").key == peer_id(KEY)
    resource = Resource(
        **header, id="cd" * 32, sha256="0" * 64, size_bytes=0, file_name="x", media_type="", kind="data", title=""
    )
    assert resource.key == "cd" * 32 + peer_id(KEY)


def test_an_author_reads_as_a_name() -> None:
    assert [str(Author(family="Lovelace", given="Ada")), str(Author(literal="CERN")), str(Author(family="Plato"))] == [
        "Ada Lovelace",
        "CERN",
        "Plato",
    ]
