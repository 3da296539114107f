"""Files that are not PDFs: kinds, media types, titles and authors."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.metadata.describing import Metadata, describe, describe_folder
from academics_jupyter.metadata.kinds import kind_and_media_type
from academics_jupyter.metadata.text_files import of_markdown, of_notebook
from academics_jupyter.metadata.titles import plausible_title, title_from_name
from academics_jupyter.protocol.records import Author

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "head", "kind", "media_type"),
    [
        ("p.pdf", b"%PDF-1.7", "paper", "application/pdf"),
        ("p.PDF", b"\n\n%PDF-1.4", "paper", "application/pdf"),
        ("renamed.txt", b"%PDF-1.7", "paper", "application/pdf"),
        ("p.pdf", b"<html>", "text", "text/plain"),
        ("p.pdf", b"\x7fELF\x02", "other", "application/octet-stream"),
        ("d.csv", b"a,b\n", "data", "text/csv"),
        ("d.tsv", b"a\tb\n", "data", "text/tab-separated-values"),
        ("d.parquet", b"PAR1\x15", "data", "application/vnd.apache.parquet"),
        ("d.nc", b"\x89HDF\r\n\x1a\n", "data", "application/x-netcdf"),
        ("d.xlsx", b"PK\x03\x04", "data", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("n.ipynb", b"{", "notebook", "application/x-ipynb+json"),
        ("f.png", PNG, "figure", "image/png"),
        ("f.jpg", PNG, "figure", "image/png"),
        ("f.png", b"MZ\x90\x00", "other", "application/octet-stream"),
        ("f.webp", b"RIFF1234WEBP", "figure", "image/webp"),
        ("f.svg", b"<svg", "figure", "image/svg+xml"),
        ("c.py", b"import os", "code", "text/x-python"),
        ("t.md", b"# T", "text", "text/markdown"),
        ("README", "été".encode()[:-1], "text", "text/plain"),
        ("a.zip", b"PK\x03\x04", "other", "application/zip"),
        ("model.pkl", b"\x80\x04", "other", "application/octet-stream"),
        ("nothing", b"", "other", "application/octet-stream"),
    ],
)
def test_kinds(name: str, head: bytes, kind: str, media_type: str) -> None:
    assert kind_and_media_type(name, head) == (kind, media_type)


@given(st.text(), st.binary(max_size=64))
def test_any_name_and_bytes_have_a_kind_of_the_record(name: str, head: bytes) -> None:
    kind, media_type = kind_and_media_type(name, head)
    assert kind in ("paper", "data", "notebook", "figure", "code", "text", "other")
    assert 0 < len(media_type) <= 127


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("my_paper-v2.pdf", "my paper v2"),
        ("survey.2023.final.csv", "survey.2023.final"),
        ("results.tar.gz", "results"),
        ("version 1.2.txt", "version 1.2"),
        ("README", "README"),
        ("___.pdf", "___.pdf"),
        (".bashrc", ".bashrc"),
        ("\x1b\n", "untitled"),
    ],
)
def test_titles_from_names(name: str, title: str) -> None:
    assert title_from_name(name) == title


@pytest.mark.parametrize(
    "title",
    [
        "Untitled-1",
        "untitled document",
        "Document1",
        "Microsoft Word - x.doc",
        "thesis.tex",
        "PII: S0140",
        "12",
        "--",
        "PowerPoint Presentation",
        "doi:10.1000/5",
        "arXiv:1706.03762v5",
        "my_paper",
        "10.1.1.42",
        "",
    ],
)
def test_what_is_no_title(title: str) -> None:
    assert plausible_title(title, "x.pdf") == ""


@pytest.mark.parametrize("title", ["Bitcoin", "Attention Is All You Need", "Document Retrieval at Scale", "深度学习"])
def test_what_is_a_title(title: str) -> None:
    assert plausible_title(title, "x.pdf") == title


def notebook(**metadata: object) -> dict[str, object]:
    cells = [
        {"cell_type": "code", "source": "# not a heading", "outputs": []},
        {"cell_type": "markdown", "source": ["No heading\n", "here"]},
        {"cell_type": "markdown", "source": ["Text\n", "\n", "## The **Real** [Title](http://x)\n"]},
    ]
    return {"nbformat": 4, "cells": cells, "metadata": metadata}


async def test_a_notebook_tells_title_authors_and_licence(tmp_path: Path) -> None:
    people = [{"name": "Ada Lovelace"}, "Hopper, Grace"]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(notebook(authors=people, license="CC BY 4.0", keywords=["peers"])))
    assert await describe(path) == Metadata(
        title="The Real Title",
        kind="notebook",
        media_type="application/x-ipynb+json",
        authors=(Author(family="Lovelace", given="Ada"), Author(family="Hopper", given="Grace")),
        keywords=("peers",),
        license="CC-BY-4.0",
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["cells", "metadata"]), json_values) | json_values)
def test_any_json_is_read_without_an_error(value: object) -> None:
    of_notebook(json.dumps(value).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 400_000, b'{"metadata": {"authors": [[[5]]]}}'])
async def test_a_broken_notebook_is_told_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "my_notes.ipynb").write_bytes(content)
    assert await describe(tmp_path / "my_notes.ipynb") == Metadata("my notes", "notebook", "application/x-ipynb+json")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# One\n# Two", "One"),
        ("---\ntitle: x\n---\n\nText\n\nHeading\n=======\n", "Heading"),
        ("```\n# a comment\n```\n## After ##\n", "After"),
        ("#hashtag\n", ""),
        ("# <img src=x onerror=alert(1)>Harmless\n", "Harmless"),
    ],
)
def test_markdown_headings(text: str, title: str) -> None:
    assert of_markdown(text).title == title


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("t.md", "# A *Title*\n", "A Title"),
        ("t.txt", "A lone first line\n\nand text", "A lone first line"),
        ("my_notes.txt", "text that\ngoes on", "my notes"),
        ("t.tex", "\\title{A Study \\\\ of Peers}\n\\author{Ada Lovelace \\and Alan Turing}", "A Study of Peers"),
        ("my_data.csv", "# A,B\n1,2", "my data"),
    ],
)
async def test_titles_of_text(tmp_path: Path, name: str, content: str, title: str) -> None:
    (tmp_path / name).write_text(content)
    assert (await describe(tmp_path / name)).title == title


@pytest.mark.parametrize("name", ["my_notes.md", "my_notes.tex", "my_notes.ipynb"])
@pytest.mark.parametrize(
    "piece",
    [
        "# " + " " * 60_000 + "x",
        "\\title[",
        "\\title{",
        "[" * 4000,
        "<",
        "`" * 3 + "\n",
        "~~~\n```\n",
        "x-\n\n",
        "=",
        "#",
    ],
)
async def test_text_made_to_take_for_ever_does_not(tmp_path: Path, name: str, piece: str) -> None:
    text = piece * (300_000 // len(piece))
    cells = [{"cell_type": "markdown", "source": text}]
    content = json.dumps({"cells": cells, "metadata": {"title": text, "authors": [text]}}) if "ipynb" in name else text
    (tmp_path / name).write_text(content)
    assert len((await describe(tmp_path / name)).title) <= 1000


async def test_what_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    expected = Metadata("some thing", "other", "application/octet-stream")
    path = tmp_path / "some_thing.pdf"
    assert await describe(path) == expected
    path.mkdir()
    assert await describe(path) == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
async def test_a_named_pipe_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "some_thing.pdf")
    assert (await describe(tmp_path / "some_thing.pdf")).kind == "other"


async def test_a_file_is_described_under_the_name_it_was_shared_under(tmp_path: Path) -> None:
    (tmp_path / "orbits (2).csv").write_text("a,b\n")
    for path in (tmp_path / "orbits (2).csv", tmp_path / "gone.csv"):
        assert (await describe(path, name="orbits.csv")).title == "orbits"


def test_a_folder_speaks_for_none_of_its_files() -> None:
    assert describe_folder("my_results") == Metadata("my results", "folder", "inode/directory")
