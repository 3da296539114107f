"""How a line of `%chat` is read."""

from __future__ import annotations

import pytest

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.magics.chatting import _addressed, _wanted


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("ada Hello --reply x", "ada Hello --reply x"),
        ("--reply 1a2b ada It's $x$ {y}", "ada It's $x$ {y}"),
        ("  --cell   'Ada Lovelace' look", "'Ada Lovelace' look"),
        ("--edit 1a2b   -- a dash", "-- a dash"),
        ("--withdraw 1a2b", ""),
        ("", ""),
    ],
)
def test_options_come_first_and_the_message_stays_as_it_stands(line: str, rest: str) -> None:
    assert _wanted(line).rest == rest


def test_what_the_options_say() -> None:
    wanted = _wanted("--reply 1a --attach 2b,3c --attach 4d --cell ada hello")
    assert (wanted.values, wanted.attach, wanted.cell) == ({"--reply": "1a"}, ["2b", "3c", "4d"], True)
    assert _wanted("--react 1a 👍").values == {"--react": "1a"}


@pytest.mark.parametrize("line", ["--replay 1a ada x", "--reply", "--reply --cell ada", "--attach"])
def test_options_that_make_no_sense(line: str) -> None:
    with pytest.raises(UsageError, match="%chat"):
        _wanted(line)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("ada hello there", ("ada", "hello there")),
        ('"Ada Lovelace" it\'s', ("Ada Lovelace", "it's")),
        ("#lab hi", ("#lab", "hi")),
        ("'tis an open one", ("'tis", "an open one")),
    ],
)
def test_whom_it_is_for(line: str, wanted: tuple[str, str]) -> None:
    assert _addressed(line) == wanted
