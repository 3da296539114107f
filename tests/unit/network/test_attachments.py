"""Binary frames of a connection: an answer to a read that went out is one packet, and nothing else gets through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.network.attachments import Answer, Attachments

ANNOUNCED = '461-{}[{{"_placeholder":true,"num":0}}]'


def read(number: int, length: int) -> str:
    """A read as the library writes it."""
    return f'42{number}["read",{{"resource":"{"5e" * 32}","what":"bytes","start":0,"length":{length}}}]'


def asking(*numbers: int, length: int = 10) -> Attachments:
    attachments = Attachments()
    for number in numbers:
        attachments.sending(read(number, length))
    return attachments


def took(attachments: Attachments, *frames: str | bytes) -> list[Any]:
    """What each frame becomes: answers as (number, bytes)."""
    taken = [attachments.received(frame) for frame in frames]
    return [(each.number, bytes(each)) if isinstance(each, Answer) else each for each in taken]


def test_an_answer_in_two_frames_becomes_one() -> None:
    assert took(asking(7), ANNOUNCED.format(7), b"0123456789") == [None, (7, b"0123456789")]


def test_answers_come_in_any_order_and_each_once() -> None:
    attachments = asking(1, 2, 3)
    assert took(attachments, ANNOUNCED.format(3), b"c", ANNOUNCED.format(1), b"a") == [None, (3, b"c"), None, (1, b"a")]
    with pytest.raises(ValueError, match="nobody asked"):
        attachments.received(ANNOUNCED.format(3))


def test_pings_pongs_and_closes_may_come_between_the_two_frames() -> None:
    frames = [ANNOUNCED.format(7), "2", "3", "1", b"data"]
    assert took(asking(7), *frames) == [None, "2", "3", "1", (7, b"data")]


def test_a_refusal_is_an_answer_too() -> None:
    attachments = asking(7)
    refusal = '437[{"error":"not_held"}]'
    assert took(attachments, refusal) == [refusal]
    with pytest.raises(ValueError, match="nobody asked"):
        attachments.received(ANNOUNCED.format(7))


@pytest.mark.parametrize(
    "frame", ['42["ping",{}]', "40", "41", '437[{"error":"failed"}]', ANNOUNCED.format(7), "4", "46"]
)
def test_no_message_may_come_in_the_place_of_an_attachment(frame: str) -> None:
    attachments = asking(7)
    attachments.received(ANNOUNCED.format(7))
    with pytest.raises(ValueError, match="in the place of an attachment"):
        attachments.received(frame)


@pytest.mark.parametrize("data", [b"", b"x" * 11, b"x" * 1_000_000])
def test_no_bytes_and_more_than_were_asked_for_are_refused(data: bytes) -> None:
    attachments = asking(7, length=10)
    attachments.received(ANNOUNCED.format(7))
    with pytest.raises(ValueError, match="nobody asked"):
        attachments.received(data)


def test_bytes_that_were_not_announced_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody asked"):
        asking(7).received(b"data")


NOT_READS = {
    "an answer to a read of theirs": '437[["read",{"length":10}]]',
    "another event": '427["token",{"resource":"read","length":10}]',
    "a read without a number": '42["read",{"length":10}]',
    "chat about reading": '427["chat",{"text":"[\\"read\\",{\\"length\\":10}]"}]',
    "a ping": "2",
}


@pytest.mark.parametrize("frame", NOT_READS.values(), ids=NOT_READS.keys())
def test_what_is_no_read_of_ours_lets_nothing_in(frame: str) -> None:
    attachments = Attachments()
    attachments.sending(frame)
    with pytest.raises(ValueError, match="nobody asked"):
        attachments.received(ANNOUNCED.format(7))


NOT_ANNOUNCEMENTS = {
    "two attachments": '462-7[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
    "attachments without end": '469999999999-7[{"_placeholder":true,"num":0}]',
    "the attachment after": '461-7[{"_placeholder":true,"num":1}]',
    "the attachment before": '461-7[{"_placeholder":true,"num":-1}]',
    "none after all": "461-7[]",
    "an error as well": '461-7[{"_placeholder":true,"num":0},{"error":"busy"}]',
    "deep inside": '461-7[{"a":{"_placeholder":true,"num":0}}]',
    "an event": '451-7["chat",{"_placeholder":true,"num":0}]',
    "another namespace": '461-/other,7[{"_placeholder":true,"num":0}]',
    "a number of another script": '461-٧[{"_placeholder":true,"num":0}]',
    "a number without end": f'461-{"7" * 5_000}[{{"_placeholder":true,"num":0}}]',
    "something after": '461-7[{"_placeholder":true,"num":0}]\n',
    "base 64": "bAAAA",
}


@pytest.mark.parametrize("frame", NOT_ANNOUNCEMENTS.values(), ids=NOT_ANNOUNCEMENTS.keys())
def test_what_is_no_announcement_lets_no_bytes_in(frame: str) -> None:
    """It goes on as the text that it is, for the packets to refuse."""
    attachments = asking(7)
    assert attachments.received(frame) == frame
    with pytest.raises(ValueError, match="nobody asked"):
        attachments.received(b"data")


FRAMES = st.lists(
    st.binary(max_size=20)
    | st.text(max_size=20)
    | st.integers(0, 5).map(ANNOUNCED.format)
    | st.integers(0, 5).map("43{}[1]".format),
    max_size=30,
)


@given(asked=st.sets(st.integers(0, 5)), frames=FRAMES)
def test_of_what_came_no_more_gets_through_than_was_asked_for(asked: set[int], frames: list[str | bytes]) -> None:
    attachments = asking(*asked, length=10)
    answered: list[int] = []
    for frame in frames:
        try:
            taken = attachments.received(frame)
        except ValueError:
            break
        if isinstance(taken, Answer):
            assert taken == frame
            assert len(taken) <= 10
            answered.append(taken.number)
        else:
            assert taken is None or taken == frame
            assert not isinstance(taken, bytes)
    assert len(set(answered)) == len(answered)
    assert set(answered) <= asked
