"""Citations: an entry stays one entry, whatever a peer wrote into its fields."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.metadata.bibtex import bibtex, citation_key
from academics_jupyter.protocol.records import Author, Resource

ID = "ab" * 32


def resource(**changes: Any) -> Resource:
    fields: dict[str, Any] = {
        "peer": "0" * 64,
        "epoch": 1,
        "sequence": 1,
        "issued_at_ms": 0,
        "expires_at_ms": 1,
        "id": ID,
        "sha256": "0" * 64,
        "size_bytes": 1,
        "file_name": "p.pdf",
        "media_type": "application/pdf",
        "kind": "paper",
        "title": "The Notes on the Engine",
        "authors": (Author(family="Lovelace", given="Ada"), Author(literal="The Royal Society and Friends")),
        "keywords": ("engines", "R&D"),
        "doi": "10.1000/engine_1",
        "year": 1843,
        "license": "CC-BY-4.0",
    }
    return Resource(**{**fields, **changes})


def test_a_published_paper() -> None:
    assert bibtex(resource()) == (
        "@article{lovelace1843notes,\n"
        "  author = {Lovelace, Ada and {The Royal Society and Friends}},\n"
        "  title = {{The Notes on the Engine}},\n"
        "  year = {1843},\n"
        "  doi = {10.1000/engine_1},\n"
        f"  howpublished = {{academics://{ID}}},\n"
        "  keywords = {engines, R\\&D},\n"
        "  note = {License: CC-BY-4.0},\n"
        "}\n"
    )


def test_what_has_next_to_nothing_is_cited_by_its_id() -> None:
    bare = resource(kind="data", title="", authors=(), keywords=(), doi="", year=None, license="")
    assert bibtex(bare) == f"@misc{{resourceabababab,\n  howpublished = {{academics://{ID}}},\n}}\n"


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"doi": "10.48550/arXiv.1706.03762"}, "@misc{"),
        ({"doi": ""}, "@misc{"),
        ({"kind": "data"}, "@misc{"),
        ({}, "@article{"),
    ],
)
def test_only_a_publishers_paper_is_an_article(changes: dict[str, Any], start: str) -> None:
    assert bibtex(resource(**changes)).startswith(start)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"authors": (Author(family="Gödel", given="Kurt"),), "year": 1931, "title": "Über etwas"}, "godel1931uber"),
        ({"authors": (Author(literal="Royal Society"),), "year": None, "title": "A report"}, "societyreport"),
        ({"authors": (), "year": 2020, "title": "数据"}, "2020"),
    ],
)
def test_keys(changes: dict[str, Any], key: str) -> None:
    assert citation_key(resource(**changes)) == key


def test_latex_of_a_peer_is_text() -> None:
    entry = bibtex(resource(title="100% \\input{/etc/passwd}_#1 $x^2$ ~&", doi="10.1/x},\n note={\\write18{rm}"))
    assert (
        "title = {{100\\% \\textbackslash{}input\\textbraceleft{}/etc/passwd\\textbraceright{}\\_\\#1 "
        "\\$x\\textasciicircum{}2\\$ \\textasciitilde{}\\&}}" in entry
    )
    assert "doi = {10.1/x\\textbraceright{}, note=" in entry


HOSTILE = st.text(st.sampled_from('a {}\\"%,=@\n\r\x1b&~^$#_é'), max_size=30)


@given(title=HOSTILE, name=HOSTILE, doi=HOSTILE, word=HOSTILE.filter(bool))
def test_braces_always_balance_and_fields_stay_fields(title: str, name: str, doi: str, word: str) -> None:
    people = (Author(family=name, given=name), Author(literal=name))
    entry = bibtex(resource(title=title, authors=people, doi=doi, keywords=(word,), license=name))
    depth = 0
    for at, char in enumerate(entry):
        depth += (char == "{") - (char == "}")
        assert depth > 0 or at < entry.index("{") or at >= len(entry) - 2
    assert depth == 0
    assert entry.count("\n") == entry.count(",\n") + 1
    assert entry.isprintable() or set(entry) - {"\n"} == {char for char in entry if char.isprintable()}
