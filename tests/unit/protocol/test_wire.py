"""The events' fields and limits, and how many may come."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.records import Envelope, convert
from academics_jupyter.protocol.wire import (
    CODES,
    EVENTS_AT_ONCE,
    EVENTS_PER_SECOND,
    MAX_RECORDS,
    Allowance,
    Ask,
    Chat,
    Done,
    Hello,
    News,
    Ping,
    Refusal,
    Token,
    Welcome,
)

ENVELOPE = Envelope(payload="label\n{}", signature="0" * 128)


@pytest.mark.parametrize(
    "message",
    [
        Hello(version=1, agent="academics/0", records=(ENVELOPE,)),
        Welcome(version=1, agent="academics/0", records=(), proof="ab" * 64),
        News(records=(ENVELOPE,) * MAX_RECORDS),
        Chat(message=ENVELOPE),
        Ask(resource="ab" * 32),
        Token(token="cd" * 32, size_bytes=1 << 53, lifetime_ms=600_000),
        Ping(),
        Done(),
        Refusal(error="too_fast"),
    ],
)
def test_a_message_comes_back_as_it_was(message: Any) -> None:
    assert convert(msgspec.to_builtins(message), type(message)) == message


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Hello, {"version": 0, "agent": "", "records": []}),
        (Hello, {"version": 1, "agent": "x" * 101, "records": []}),
        (Hello, {"version": 1, "agent": "", "records": [msgspec.to_builtins(ENVELOPE)] * 5}),
        (News, {"records": [msgspec.to_builtins(ENVELOPE)] * (MAX_RECORDS + 1)}),
        (News, {"records": [{"payload": "x" * 262_145, "signature": "0" * 128}]}),
        (News, {"records": {"$each": []}}),
        (Chat, {"message": None}),
        (Chat, {"message": {"payload": "x", "signature": "0" * 127}}),
        (Ask, {"resource": {"$ne": None}}),
        (Token, {"token": "cd" * 32, "size_bytes": 1 << 63, "lifetime_ms": 1}),
        (Token, {"token": "cd" * 32, "size_bytes": -1, "lifetime_ms": 1}),
        (Token, {"token": "cd" * 32, "size_bytes": float("inf"), "lifetime_ms": 1}),
        (Refusal, {"error": "x" * 41}),
        (Refusal, {"error": "<b>"}),
        (Refusal, {"error": "failed\n"}),
        (Ping, None),
        (Ping, []),
    ],
)
def test_what_breaks_a_limit_is_malformed(kind: type[Any], data: Any) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        convert(data, kind)
    assert refused.value.code == "malformed"


def test_every_code_can_be_sent() -> None:
    assert [convert({"error": code}, Refusal).error for code in CODES] == list(CODES)


def taken(allowance: Allowance, now_ms: int, tries: int) -> int:
    return sum(allowance.take(now_ms) for _ in range(tries))


def test_a_burst_is_allowed_then_the_rate() -> None:
    allowance = Allowance(0)
    assert taken(allowance, 0, 2 * EVENTS_AT_ONCE) == EVENTS_AT_ONCE == 500
    assert taken(allowance, 1_000, 1_000) == EVENTS_PER_SECOND == 100
    assert taken(allowance, 1_005, 10) == 0
    assert taken(allowance, 1_010, 10) == 1


def test_a_rest_of_any_length_gives_one_burst_and_no_more() -> None:
    allowance = Allowance(0)
    taken(allowance, 0, EVENTS_AT_ONCE)
    assert taken(allowance, 10**12, 10_000) == EVENTS_AT_ONCE


def test_a_clock_that_goes_back_gives_nothing() -> None:
    allowance = Allowance(10_000)
    taken(allowance, 10_000, EVENTS_AT_ONCE)
    assert taken(allowance, 0, 10) == 0
    assert taken(allowance, 100, 100) == 10


@given(steps=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 300)), max_size=30))
def test_no_pattern_of_sending_gets_more_than_the_burst_and_the_rate(steps: list[tuple[int, int]]) -> None:
    allowance, now_ms, total = Allowance(0), 0, 0
    for pause_ms, tries in steps:
        now_ms += pause_ms
        total += taken(allowance, now_ms, tries)
    assert total <= EVENTS_AT_ONCE + EVENTS_PER_SECOND * now_ms / 1_000 + 1e-6
