"""Names and lines from others are harmless, whatever they were."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from academics_jupyter.protocol.names import MAX_NAME_BYTES, safe_file_name, shown, unlike

OVERRIDE = "\u202e"
ANY_TEXT = st.text(st.characters(), max_size=400)
NASTY_TEXT = st.text(
    st.sampled_from(
        './\\: ~-_aé\u0301\u0338<=>"|?*\x00\n\x1b\x9b\u200b\u200c\u200d\u202e\u2066\u2028\ud800א𐍈ﬁCON1.pdf'
    ),
    max_size=300,
)


@pytest.mark.parametrize(
    "name",
    [
        "paper.pdf",
        "A study of things (2023), v1.2.pdf",
        "données-été.csv",
        "数据.tar.gz",
        "می‌خواهم.txt",
        "contract.txt",
        "console.log",
        "README",
    ],
)
def test_an_ordinary_name_stays(name: str) -> None:
    assert safe_file_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../.ssh/authorized_keys", "authorized_keys"),
        ("/etc/passwd", "passwd"),
        ("\\\\server\\share\\paper.pdf", "paper.pdf"),
        ("C:\\Users\\ada\\paper.pdf", "paper.pdf"),
        ("C:paper.pdf", "C_paper.pdf"),
        ("folder/", "folder"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("///", "file"),
        ("a/..", "file"),
        ("   ", "file"),
        (OVERRIDE, "file"),
        (".bashrc", "_bashrc"),
        ("...hidden", "_hidden"),
        (". .hidden", "_hidden"),
        ("-rf", "_rf"),
        ("~", "_"),
        ("a\x00b.pdf", "a_b.pdf"),
        ("a\nb.pdf", "a_b.pdf"),
        ("\x1b[31mred\x1b[0m.pdf", "_[31mred_[0m.pdf"),
        ("\x9b31mred.pdf", "_31mred.pdf"),
        ("a\u2028b.pdf", "a_b.pdf"),
        ("\udcffname.pdf", "_name.pdf"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("NUL .tar.gz", "_NUL .tar.gz"),
        ("COM1.txt", "_COM1.txt"),
        ("lpt¹", "_lpt¹"),
        ("a.txt.", "a.txt"),
        ("a.txt . .", "a.txt"),
        ("x:stream", "x_stream"),
        ("x.pdf::$DATA", "x.pdf__$DATA"),
        ('what?<*>|".pdf', "what______.pdf"),
        (f"paper{OVERRIDE}fdp.exe", "paperfdp.exe"),
        ("paper.pdf\u200d", "paper.pdf"),
        ("paper.pdf" + " " * 90 + ".exe", "paper.pdf .exe"),
        ("e\u0301tude.pdf", "étude.pdf"),
        ("e\u200b\u0301tude.pdf", "étude.pdf"),
        ("a\u00a0b.pdf", "a b.pdf"),
    ],
)
def test_a_nasty_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


@pytest.mark.parametrize("char", ["a", "é", "数", "😀"])
@pytest.mark.parametrize("ending", [".pdf", ".tar.gz", ""])
def test_a_long_name_is_shortened_and_keeps_its_ending(char: str, ending: str) -> None:
    safe = safe_file_name(char * 300 + ending)
    assert len(safe.encode()) <= MAX_NAME_BYTES
    assert len(safe.encode()) > MAX_NAME_BYTES - 4
    assert safe.endswith(ending)


def test_a_long_ending_is_no_ending() -> None:
    safe = safe_file_name("a." + "b" * 300)
    assert safe == "a." + "b" * 253


@given(st.one_of(ANY_TEXT, NASTY_TEXT))
@example("\u200d" + "a" * 300)
@example("é\u200d" * 90 + ".pdf")
@example("com1" + " " * 300 + ".txt")
def test_any_name_becomes_one_safe_component(name: str) -> None:
    safe = safe_file_name(name)
    assert safe
    assert safe[0] not in " .-~"
    assert safe[-1] not in " ."
    assert not set(safe) & set('/\\:*?"<>|')
    assert not {unicodedata.category(char) for char in safe} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {char for char in safe if unicodedata.category(char) == "Cf"} - set("\u200c\u200d")
    assert len(safe.encode()) <= MAX_NAME_BYTES
    assert unicodedata.is_normalized("NFC", safe)
    assert safe_file_name(safe) == safe


@pytest.mark.parametrize(
    ("name", "taken", "free"),
    [
        ("a.pdf", [], "a.pdf"),
        ("a.pdf", ["b.pdf"], "a.pdf"),
        ("a.pdf", ["a.pdf"], "a (2).pdf"),
        ("a.pdf", ["A.PDF", "a (2).pdf"], "a (3).pdf"),
        ("étude.pdf", ["e\u0301tude.pdf"], "étude (2).pdf"),
        ("STRASSE", ["straße"], "STRASSE (2)"),
        ("data.tar.gz", ["data.tar.gz"], "data (2).tar.gz"),
        ("paper-1.2.pdf", ["paper-1.2.pdf"], "paper-1.2 (2).pdf"),
    ],
)
def test_a_taken_name_gets_a_number(name: str, taken: list[str], free: str) -> None:
    assert unlike(name, taken) == free


@given(NASTY_TEXT, st.integers(0, 5))
def test_names_stay_apart_and_safe(name: str, times: int) -> None:
    taken: list[str] = []
    for _ in range(times):
        taken.append(unlike(safe_file_name(name), taken))
    assert len({unicodedata.normalize("NFC", other.casefold()) for other in taken}) == times
    assert all(safe_file_name(other) == other for other in taken)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("On the nature of things", "On the nature of things"),
        ("été 数据 👩‍🔬", "été 数据 👩‍🔬"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        (f"a{OVERRIDE}b", "a\\u202eb"),
        ("a\u2069b", "a\\u2069b"),
        ("אבג", "\u2068אבג\u2069"),
        ("\udc80", "\\udc80"),
        ("<b>$x$</b>", "<b>$x$</b>"),
    ],
)
def test_a_line_is_shown_harmless(text: str, line: str) -> None:
    assert shown(text) == line


@given(st.one_of(ANY_TEXT, NASTY_TEXT))
def test_any_text_is_one_printable_line_that_encodes(text: str) -> None:
    line = shown(text)
    line.encode()
    assert len(line.splitlines()) <= 1
    inner = line[1:-1] if line.startswith("\u2068") else line
    assert not {char for char in inner if unicodedata.category(char) in ("Cc", "Cf")} - set("\u200c\u200d")
