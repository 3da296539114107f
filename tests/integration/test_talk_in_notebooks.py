"""Talking from cells: options of `%chat`, cells with their output, what Tab offers, exports."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Person
from tests.kernels import CELL_TIMEOUT_S
from tests.mongod import RunningMongod

SitDown = Callable[..., Person]

HISTORY = "get_ipython().run_line_magic('history', '%s')"
PICTURE = """
import base64, struct, zlib
def png(width, height, noise):
    import os
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\\0" + (os.urandom(width * 3) if noise else bytes(width * 3)) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
from IPython.display import Image, HTML, display
"""


def last(person: Person, with_whom: str) -> str:
    return str(person.value(f"{HISTORY % with_whom}.text.tolist()[-1]"))


def last_id(person: Person, with_whom: str) -> str:
    return str(person.value(f"{HISTORY % with_whom}.id.tolist()[-1]"))


def waits_for(person: Person, with_whom: str, messages: int) -> None:
    person.sees(f"len({HISTORY % with_whom})", messages)


@pytest.fixture
def two(sit_down: SitDown, tmp_path: Path, mongod_of_labs: RunningMongod) -> tuple[Person, Person]:
    """People whom nobody has met before, around a registry of their own."""
    registry = mongod_of_labs.new_database()
    ada, ben = (
        sit_down(name, ACADEMICS_HOME=str(tmp_path / name), ACADEMICS_REGISTRY=registry) for name in ("ada", "ben")
    )
    ada.sees("'ben' in academics.current().known_names()")
    ben.sees("'ada' in academics.current().known_names()")
    return ada, ben


def test_everything_that_chat_can_do(two: tuple[Person, Person], tmp_path: Path) -> None:
    ada, ben = two
    file = tmp_path / "orbits.csv"
    file.write_text("planet,period\nearth,1\n")
    resource = str(ada.value(f"get_ipython().run_line_magic('share', '{file} --title Orbits').id"))
    ada.run("%chat ben It's {not} $x$ --reply")
    waits_for(ben, "ada", 1)
    question = last_id(ben, "ada")
    assert last(ben, "ada") == "It's {not} $x$ --reply"
    ben.run(f'%chat --reply {question[:8]} "ada" "No," I say')
    waits_for(ada, "ben", 2)
    assert last(ada, "ben") == '> ada: It\'s {not} $x$ --reply\n"No," I say'
    answer = last_id(ada, "ben")
    ada.run(f"%chat --react {answer[:8]} 👍")
    ben.sees(f"{HISTORY % 'ada'}.text.tolist()[-1].endswith('[👍 ada]')")
    ben.run(f"%%chat --edit {answer[:8]}\nYes,\nI say")
    ada.sees(f"{HISTORY % 'ben'}.text.tolist()[-1].splitlines()[1:3]", ["Yes,", "I say (edited)"])
    assert "(withdrawn)" in ben.run(f"%chat --withdraw {answer[:8]}").text
    ada.sees(f"{HISTORY % 'ben'}.text.tolist()[-1]", "(withdrawn)")
    ada.run(f"%chat --attach {resource[:8]} ben have a look")
    waits_for(ben, "ada", 3)
    assert last(ben, "ada") == f"have a look\n📎 Orbits ({resource[:12]})"
    ben.run(f"path = %download {resource[:12]}")
    assert Path(str(ben.value("str(path)"))).read_text() == file.read_text()

    assert "no option --replay" in ada.error("%chat --replay x ben hello")
    assert "needs an ID" in ada.error("%chat --reply")
    assert "takes nothing more" in ada.error(f"%chat --withdraw {question[:8]} please")
    assert "cannot go with the others" in ada.error(f"%chat --edit {question[:8]} --react {question[:8]} x")
    assert "is not yours" in ben.error(f"%chat --edit {question[:8]} mine now")
    assert "say to whom" in ada.error("%chat")

    to = tmp_path / "talk.json"
    ada.run(f"path = %history ben --export {to}")
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert len(json.loads(to.read_text())["messages"]) == 6
    assert "not overwritten" in ada.error(f"%history ben --export {to}")
    assert "goes with PEER alone" in ada.error(f"%history ben --limit 3 --export {to}")


def test_a_cell_is_sent_with_its_output_and_inserted_without_being_run(two: tuple[Person, Person]) -> None:
    ada, ben = two
    ada.run(PICTURE)
    ran = ada.run(
        "%%chat --cell ben Look at *this*\n"
        "import asyncio\n"
        "await asyncio.sleep(0)\n"
        "print('one')\n"
        "display(Image(png(4, 4, False)))\n"
        "display(HTML('<script>alert(1)</script>'))\n"
        "x = 6 * 7\n"
        "{'answer': x}"
    )
    assert "one\n" in ran.text
    assert "{'answer': 42}" in ran.text
    assert any("image/png" in data for data in ran.data), "its output is shown as always"
    assert "Output 3 was left out" in ran.text
    assert ada.value("x") == 42
    waits_for(ben, "ada", 1)
    message = last_id(ben, "ada")
    assert last(ben, "ada").splitlines() == [
        "Look at *this*",
        "",
        "(Output 3 was left out: only text and pictures are sent.)",
        f"[cell of 7 lines, 3 outputs: %chat --insert {message[:8]}]",
    ]
    inserted = ben.run(f"%chat --insert {message[:8]}")
    assert "It was not run" in inserted.text
    assert "one" in inserted.text
    assert "{'answer': 42}" in inserted.text
    assert [data["image/png"][:8] for data in inserted.data if "image/png" in data] == ["iVBORw0K"]
    assert not any("text/html" in data or "application/javascript" in data for data in inserted.data)
    assert "NameError" in ben.run("x", check=False).error
    again = ben.kernel.client.execute(f"%chat --insert {message[:8]}", reply=True, timeout=CELL_TIMEOUT_S)
    payload = again["content"]["payload"]
    assert [each["source"] for each in payload] == ["set_next_input"]
    assert payload[0]["text"].startswith("import asyncio\n")
    assert payload[0]["text"].endswith("{'answer': x}")


def test_what_is_too_large_is_left_out_and_said(two: tuple[Person, Person]) -> None:
    ada, ben = two
    ada.run(PICTURE)
    ran = ada.run("%%chat --cell ben\nprint('a' * 200_000)\nImage(png(400, 400, True))")
    assert "A picture of" in ran.text
    assert "A text of 200,001 characters was cut" in ran.text
    waits_for(ben, "ada", 1)
    assert "(A picture of 4" in last(ben, "ada")
    assert "(A text of 200,001 characters was cut: it is too long to send.)" in last(ben, "ada")
    failed = ada.run("%%chat --cell ben\nprint('before')\n1 / 0", check=False)
    assert failed.error == "UsageError"
    assert "nothing was sent" in "\n".join(failed.traceback)
    assert "Nobody known here" in ada.error("%%chat --cell nobody\nraise SystemError('this was run')")
    assert "write the code" in ada.error("%chat --cell ben")
    ada.run("%chat ben done")
    waits_for(ben, "ada", 2)


def test_cells_of_strangers_are_shown_as_text(two: tuple[Person, Person]) -> None:
    ada, ben = two
    cell = {
        "cell_type": "code",
        "source": "if level != 'user\u202e \u2066# only for admins\u2069 \u2066':\n    print('\x1b[31m')",
        "outputs": [
            {"output_type": "stream", "name": "stdout", "text": "red \x1b[31m\x1b]8;;http://x\x07 bell"},
            {"output_type": "display_data", "data": {"text/html": "<img src=x onerror=alert(1)>"}},
            {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "s"}},
            {"output_type": "display_data", "data": {"image/png": "bm90IGEgcGljdHVyZQ==", "text/plain": "p"}},
            {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mred"]},
        ],
    }
    for sent in (json.dumps(cell), "no JSON", json.dumps({"cell_type": "markdown", "source": "x"}), "[" * 100_000):
        ada.run(f"await academics.current().chat('ben', 'a cell', cell={sent!r})")
    waits_for(ben, "ada", 4)
    ids = ben.value(f"{HISTORY % 'ada'}.id.tolist()")
    assert isinstance(ids, list)
    inserted = ben.run(f"%chat --insert {ids[0]}")
    assert "invisible characters" in inserted.text
    assert "\x1b" not in inserted.text
    assert "\\x1b[31m" in inserted.text
    assert "(an output that is not shown)" in inserted.text
    assert "s\n(a picture that is not shown)" in inserted.text
    assert all(set(data) == {"text/plain"} for data in inserted.data)
    for message in ids[1:]:
        assert "no cell that can be read" in ben.error(f"%chat --insert {message}")
    texts = ben.value(f"{HISTORY % 'ada'}.text.tolist()")
    assert isinstance(texts, list)
    assert "a cell that cannot be read" in texts[-1]


def test_tab_completes_who_is_mentioned(two: tuple[Person, Person]) -> None:
    ada, _ = two
    ada.run("academics.current()._context.store.peers.seen('0a' * 32, 'Lise Meitner', 1)")

    def completions(code: str) -> list[str]:
        reply = ada.kernel.client.complete(code, reply=True, timeout=20)["content"]
        return [code[: reply["cursor_start"]] + each for each in reply["matches"]]

    assert completions("%chat ben and @b") == ["%chat ben and @ben"]
    assert completions("%%chat ben\nHello @li") == ['%%chat ben\nHello @"Lise Meitner"']
    assert completions('%%chat ben\nHello @"Lise M') == ['%%chat ben\nHello @"Lise Meitner"']
    assert '%%chat ben\n\nHello @"Lise Meitner"' in completions("%%chat ben\n\nHello @")
    assert "%%chat --cell ben\n@ben" not in completions("%%chat --cell ben\n@b")
