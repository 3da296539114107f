"""What the panel shows of a file that has come: little of it, as text, whatever the file is."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import nbformat
import pytest

from academics_jupyter.errors import StoreError
from academics_jupyter.notebook import viewing
from academics_jupyter.notebook.viewing import View, view
from tests.papers import AUTHORS, TITLE, make_paper

MARKUP = "<img src=x onerror=alert(1)>"
RESOURCE = "3f" * 32


async def seen(folder: Path, name: str, data: bytes) -> View:
    (folder / name).write_bytes(data)
    return await view(folder / name, RESOURCE)


async def test_a_table_is_its_first_rows_as_they_are_written(tmp_path: Path) -> None:
    data = f'name,n\r\n"{MARKUP}, ""x""",007\r\n'.encode()
    assert await seen(tmp_path, "t.csv", data) == View(about="1 row.", rows=(("name", "n"), (f'{MARKUP}, "x"', "007")))
    assert (await seen(tmp_path, "t.tsv", b"a\tb\n1\t2\n")).rows == (("a", "b"), ("1", "2"))
    long = await seen(tmp_path, "long.csv", b"a,b\n" + b"1,2\n" * 100)
    assert (long.about, len(long.rows)) == ("The first 20 rows.", 21)
    wide = await seen(tmp_path, "wide.csv", b",".join([b"x" * 500] * 100))
    assert (len(wide.rows[0]), len(wide.rows[0][0])) == (viewing.MAX_COLUMNS, viewing.MAX_FIELD_CHARS)
    assert (await seen(tmp_path, "empty.csv", b"")).about == "It is empty."
    assert (await seen(tmp_path, "field.csv", b'"' + b"x" * 200_000 + b'"\n')).text.startswith('"xxx')


async def test_of_a_large_table_no_row_is_shown_that_was_cut(tmp_path: Path) -> None:
    row = b"1," + b"y" * (viewing.HEAD_BYTES // 3) + b"\n"
    table = await seen(tmp_path, "large.csv", row * 5)
    assert (table.about, len(table.rows)) == ("The first 1 row.", 2)


async def test_text_is_text_and_cut_between_its_characters(tmp_path: Path) -> None:
    assert await seen(tmp_path, "page.html", MARKUP.encode()) == View(about="", text=MARKUP)
    assert (await seen(tmp_path, "no_ending", "naïve ∑".encode())).text == "naïve ∑"
    long = await seen(tmp_path, "long.txt", b"x" + "é".encode() * viewing.HEAD_BYTES)
    assert long.about.startswith("The beginning; all of it is 524.3 kB")
    assert long.text == "x" + "é" * (viewing.MAX_TEXT_CHARS - 1)


async def test_what_is_no_text_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    for name in ("data.pkl", "data.txt", "data.csv", "data.npy"):
        found = await seen(tmp_path, name, pickle.dumps(Trap()))
        assert "cannot be shown as text" in found.about
        assert f"%fetch {RESOURCE[:12]} " in found.about
        assert not found.text
        assert not found.rows
    assert not (tmp_path / "sprung").exists()


async def test_a_notebook_is_the_sources_of_its_cells(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_markdown_cell(MARKUP), nbformat.v4.new_code_cell("1 / 0")]
    cells[1].outputs = [nbformat.v4.new_output("display_data", {"text/html": "an output"})]
    notebook = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    found = await seen(tmp_path, "n.ipynb", notebook)
    assert found.cells == (("markdown", MARKUP), ("code", "1 / 0"))
    assert "2 cells" in found.about
    assert "an output" not in str(found)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"null", b"[" * 100_000, b"\x00"])
async def test_what_is_only_called_a_notebook_is_said(tmp_path: Path, data: bytes) -> None:
    assert (await seen(tmp_path, "n.ipynb", data)).about == "It is called a notebook, but cannot be read as one."


async def test_a_pdf_is_what_it_says_of_itself(tmp_path: Path) -> None:
    make_paper(tmp_path / "paper.pdf")
    facts = dict((await view(tmp_path / "paper.pdf", RESOURCE)).facts)
    assert (facts["Title"], facts["Authors"]) == (TITLE, ", ".join(AUTHORS))
    assert dict((await seen(tmp_path, "broken.pdf", b"%PDF-1.7 no more")).facts) == {"Title": "broken"}


async def test_a_folder_is_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.txt").write_bytes(b"1234")
    (tmp_path / "deep" / "a.txt").write_bytes(b"")
    found = await view(tmp_path / "deep", RESOURCE)
    rows = (("File", "Size"), ("a.txt", "0 B"), ("er/b.txt", "4 B"))
    assert found == View(about="2 files.", rows=rows, is_folder=True)
    monkeypatch.setattr(viewing, "MAX_ENTRIES", 1)
    assert (await view(tmp_path / "deep", RESOURCE)).about == "1 of its files."


async def test_what_was_deleted_is_said(tmp_path: Path) -> None:
    for name in ("gone.txt", "gone.pdf"):
        with pytest.raises(StoreError, match="download it again"):
            await view(tmp_path / name, RESOURCE)
