from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.mentions import mentioned, unfinished, written

NEAR = {"1": "ada", "2": "Ben Gurion"}
ALL = NEAR | {"3": "Adam Smith", "4": "Ben Nevis", "5": "Łucja", "6": "Lise Meitner", "7": "Lise Meitner"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nobody", ()),
        ("@ada", ("1",)),
        ("Hello @ADA, and @ada again", ("1",)),
        ("@ada's idea, (@ada).", ("1",)),
        ("@Ben", ("2",)),
        ('@"Ben Nevis" and @"ben g"', ("4", "2")),
        ("@adam", ("3",)),
        ("@lise", ()),
        ("@łucja…", ("5",)),
        ("@zoe", ()),
        ("mail ada@ada.example or a.@ada", ()),
        ("`@ada` and ``a ` @ada``", ()),
        ("```python\n@ada\ndef f(): ...\n```\n@ben", ("2",)),
        ("~~~\n@ada\n", ()),
        ("@", ()),
        ('@"ada', ()),
    ],
)
def test_whom_a_text_mentions(text: str, wanted: tuple[str, ...]) -> None:
    assert mentioned(text, [NEAR, ALL]) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Hello @", ""), ("Hello @ad", "ad"), ('@"Lise M', '"Lise M'), ("a@b", None), ("@ada ", None), ("", None)],
)
def test_what_is_to_be_completed(text: str, wanted: str | None) -> None:
    assert unfinished(text) == wanted


@given(st.text(st.characters(blacklist_characters='"\n\r', blacklist_categories=("Cs",)), min_size=1, max_size=50))
def test_a_name_that_is_written_is_found_again(name: str) -> None:
    if name.split():
        assert mentioned(f"Hello {written(name)}!", [{"1": name}]) == ("1",)


@given(st.text(max_size=300))
def test_any_text_can_be_looked_through(text: str) -> None:
    assert set(mentioned(text, [NEAR, ALL])) <= set(ALL)
