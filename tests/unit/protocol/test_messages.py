"""Chat messages: signed by their author, for one recipient."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.errors import LocalProtocolError, RemoteProtocolError
from academics_jupyter.protocol.identity import peer_id, sign
from academics_jupyter.protocol.messages import (
    MAX_TEXT_LENGTH,
    MAX_WRITTEN_BYTES,
    Message,
    check_delivery,
    open_message,
    room_id,
    sign_message,
    written_bytes,
)
from academics_jupyter.protocol.records import Envelope, Profile, sign_record
from tests.meshes import key

ADA, GRACE, MALLORY = key(1), key(2), key(3)
MESSAGE = Message(
    id="1f" * 16,
    author=peer_id(ADA),
    recipient=peer_id(GRACE),
    series=0,
    sequence=1,
    sent_at_ms=1_700_000_000_000,
    text="The engine *weaves* algebra.",
)


def written(**members: Any) -> Envelope:
    """As Ada would sign it if her client did not follow the schema."""
    payload = f"{Message.LABEL}\n{json.dumps(msgspec.to_builtins(MESSAGE) | members)}"
    return Envelope(payload=payload, signature=sign(ADA, payload.encode()))


def code_of(envelope: Envelope) -> str:
    with pytest.raises(RemoteProtocolError) as refused:
        open_message(envelope)
    return refused.value.code


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200), sequence=st.integers(0, 1 << 52)
)
def test_what_is_written_is_read(text: str, sequence: int) -> None:
    message = msgspec.structs.replace(MESSAGE, text=text, sequence=sequence)
    assert open_message(sign_message(ADA, message)) == message


@given(data=st.data())
def test_a_message_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    envelope = sign_message(ADA, MESSAGE)
    place = data.draw(st.integers(0, len(envelope.payload) - 1))
    other = data.draw(st.characters().filter(lambda char: char != envelope.payload[place]))
    payload = envelope.payload[:place] + other + envelope.payload[place + 1 :]
    assert code_of(msgspec.structs.replace(envelope, payload=payload)) in {"bad_signature", "malformed", "unknown_kind"}


def test_nobody_writes_in_anothers_name() -> None:
    forged = msgspec.structs.replace(MESSAGE, author=peer_id(GRACE))
    with pytest.raises(LocalProtocolError):
        sign_message(ADA, forged)
    payload = f"{Message.LABEL}\n{msgspec.json.encode(forged).decode()}"
    assert code_of(Envelope(payload=payload, signature=sign(ADA, payload.encode()))) == "bad_signature"


def test_a_record_is_no_message() -> None:
    profile = Profile(peer=peer_id(ADA), epoch=0, sequence=0, issued_at_ms=0, expires_at_ms=0, name="Ada")
    assert code_of(sign_record(ADA, profile).envelope) == "unknown_kind"


@pytest.mark.parametrize(
    "members",
    [
        {"text": ""},
        {"text": "x" * (MAX_TEXT_LENGTH + 1)},
        {"text": None},
        {"id": "1f" * 16 + "\n"},
        {"id": {"$ne": None}},
        {"sequence": 1 << 63},
        {"sequence": 1 << 53},
        {"sequence": -1},
        {"recipient": "everyone"},
    ],
)
def test_a_signed_message_that_breaks_its_schema_is_refused(members: dict[str, Any]) -> None:
    assert code_of(written(**members)) == "malformed"


@pytest.mark.parametrize("payload", ["\ud800", f"{Message.LABEL}\n\ud800", f"{Message.LABEL}\n" + "[" * 400_000])
def test_what_is_not_json_or_text_is_refused(payload: str) -> None:
    assert code_of(Envelope(payload=payload, signature="0" * 128)) in {"malformed", "unknown_kind"}


def test_a_time_stamp_of_2099_is_no_reason_to_refuse() -> None:
    assert open_message(written(sent_at_ms=4_070_908_800_000)).sent_at_ms == 4_070_908_800_000


@pytest.mark.parametrize("char", ["a", "é", "语", "🙂", '"', "\n", "\x01"])
def test_the_longest_text_can_be_sent_in_any_script(char: str) -> None:
    message = msgspec.structs.replace(MESSAGE, text=char * MAX_TEXT_LENGTH)
    envelope = sign_message(ADA, message)
    assert open_message(msgspec.convert(msgspec.to_builtins(envelope), Envelope)) == message


@pytest.mark.parametrize("text", ["x" * (MAX_TEXT_LENGTH + 1), "", "\ud800"])
def test_a_text_that_the_other_side_would_refuse_is_not_queued_for_ever(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        sign_message(ADA, msgspec.structs.replace(MESSAGE, text=text))


@pytest.mark.parametrize(
    ("sender", "me", "taken"),
    [(ADA, GRACE, True), (MALLORY, GRACE, False), (ADA, MALLORY, False), (GRACE, ADA, False)],
)
def test_a_message_comes_only_from_its_author_to_its_recipient(sender: Any, me: Any, taken: bool) -> None:
    if taken:
        check_delivery(MESSAGE, peer_id(sender), peer_id(me))
        return
    with pytest.raises(RemoteProtocolError) as refused:
        check_delivery(MESSAGE, peer_id(sender), peer_id(me))
    assert refused.value.code == "wrong_peer"


ROOM = "2f" * 16
ABOUT = "3f" * 16
TERMS = {"name": "reading"}
INVITATION = {"payload": "", "signature": "0" * 128}
FOUNDED = room_id(MESSAGE.author, MESSAGE.id)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"kind": "text", "text": "", "cell": "{}"}, ""),
        ({"kind": "text", "text": "", "resources": ["4f" * 32]}, ""),
        ({"kind": "text", "about": ABOUT, "recipient": ROOM}, ""),
        ({"kind": "edit"}, "malformed"),
        ({"kind": "edit", "about": ABOUT}, ""),
        ({"kind": "edit", "about": ABOUT, "text": ""}, "malformed"),
        ({"kind": "withdrawal", "text": ""}, "malformed"),
        ({"kind": "withdrawal", "text": "", "about": ABOUT}, ""),
        ({"kind": "reaction", "text": "👍"}, "malformed"),
        ({"kind": "reaction", "text": "👍", "about": ABOUT}, ""),
        ({"kind": "reaction", "text": "", "about": ABOUT}, ""),
        ({"kind": "reaction", "text": "x" * 33, "about": ABOUT}, "malformed"),
        ({"kind": "teleport"}, "malformed"),
        ({"kind": "text", "terms": TERMS, "recipient": ROOM}, "malformed"),
        ({"kind": "text", "invitation": INVITATION, "recipient": ROOM}, "malformed"),
        ({"kind": "founding", "terms": TERMS, "recipient": FOUNDED}, ""),
        ({"kind": "founding", "recipient": FOUNDED}, "malformed"),
        ({"kind": "founding", "terms": TERMS, "recipient": ROOM}, "wrong_peer"),
        ({"kind": "founding", "terms": TERMS}, "malformed"),
        ({"kind": "terms", "terms": TERMS, "recipient": ROOM}, ""),
        ({"kind": "terms", "recipient": ROOM}, "malformed"),
        ({"kind": "join", "invitation": INVITATION, "recipient": ROOM}, ""),
        ({"kind": "join", "recipient": ROOM}, "malformed"),
        ({"kind": "leave", "recipient": ROOM}, ""),
        ({"kind": "deletion", "recipient": ROOM}, ""),
        ({"kind": "deletion"}, "malformed"),
        ({"recipient": "2f" * 17}, "malformed"),
    ],
)
def test_what_each_kind_holds(members: dict[str, Any], code: str) -> None:
    if code:
        assert code_of(written(**members)) == code
    else:
        assert open_message(written(**members)).kind == members["kind"]


@pytest.mark.parametrize("padding", ["\U0001f9ea", "\\"])
def test_what_no_event_could_pass_on_is_refused(padding: str) -> None:
    def padded(number: int) -> Envelope:
        payload = (
            f"{Message.LABEL}\n{json.dumps(msgspec.to_builtins(MESSAGE) | {'x': padding * number}, ensure_ascii=False)}"
        )
        return Envelope(payload=payload, signature=sign(ADA, payload.encode()))

    each = written_bytes(padded(1)) - written_bytes(padded(0))
    most = (MAX_WRITTEN_BYTES - written_bytes(padded(0))) // each
    assert open_message(padded(min(most, 100_000))).id == MESSAGE.id
    assert code_of(padded(most + 1)) == "malformed"
