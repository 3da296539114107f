"""Authors, identifiers, abstracts and page layout, found in text; careful rather than wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.metadata.abstracts import find_abstract, find_keywords, split_keywords
from academics_jupyter.metadata.author_names import author, authors_of_field, authors_of_line
from academics_jupyter.metadata.findings import clean
from academics_jupyter.metadata.front_page import Fragment, find_authors, find_title, lines_of
from academics_jupyter.metadata.identifiers import (
    doi_of_arxiv,
    find_arxiv,
    find_doi,
    find_license,
    find_own_doi,
    find_year,
    year_of_arxiv,
)
from academics_jupyter.protocol.records import Author

ADA = Author(family="Lovelace", given="Ada")
ALAN = Author(family="Turing", given="Alan")
GRACE = Author(family="Hopper", given="Grace B. M.")


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Ada Lovelace", ADA),
        ("Lovelace, Ada", ADA),
        ("Ludwig van Beethoven", Author(family="van Beethoven", given="Ludwig")),
        ("Jan van der Berg", Author(family="van der Berg", given="Jan")),
        ("van der Berg, Jan", Author(family="van der Berg", given="Jan")),
        ("Martin King Jr.", Author(family="King Jr.", given="Martin")),
        ("Plato", Author(literal="Plato")),
        ("World Health Foundation", Author(literal="World Health Foundation")),
    ],
)
def test_one_author(text: str, person: Author) -> None:
    assert author(text) == person


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Ada Lovelace", (ADA,)),
        ("Lovelace, Ada; Turing, Alan", (ADA, ALAN)),
        ("Ada Lovelace; Alan Turing;", (ADA, ALAN)),
        ("Ada Lovelace and Alan Turing", (ADA, ALAN)),
        ("Ada Lovelace, Alan Turing, and Grace B. M. Hopper", (ADA, ALAN, GRACE)),
        ("Ada Lovelace & Alan Turing", (ADA, ALAN)),
        ("Lovelace, Ada and Turing, Alan", (ADA, ALAN)),
        ("Lovelace, Ada", (ADA,)),
        ("Lovelace, A., Turing, A. M.", (author("Lovelace, A."), author("Turing, A. M."))),
        ("Alexander Anderson", (Author(family="Anderson", given="Alexander"),)),
        ("anonymous", ()),
        ("jdoe", ()),
        ("Microsoft Office User", ()),
        ("DOMAIN\\Jdoe", ()),
        ("Ada@example.org", ()),
        ("", ()),
    ],
)
def test_authors_of_a_field(text: str, people: tuple[Author, ...]) -> None:
    assert authors_of_field(text) == people


@pytest.mark.parametrize(
    ("line", "people"),
    [
        ("Ada Lovelace1,2, Alan Turing∗ and Grace B. M. Hopper†", (ADA, ALAN, GRACE)),
        ("Ada Lovelace∗ Alan Turing†", (ADA, ALAN)),
        ("Ada Lovelace  Alan Turing", (ADA, ALAN)),
        ("Ada Lovelace (ada@example.org)", (ADA,)),
        ("ADA LOVELACE", (Author(family="LOVELACE", given="ADA"),)),
        ("University of Somewhere", ()),
        ("Google Brain", ()),
        ("A study of names", ()),
        ("Ada Lovelace Alan Turing", ()),
        ("12 March 2021", ()),
        ("for version 4.19.0, 18 August 2022", ()),
        ("Ada Lovelace, and others who helped", ()),
        ("", ()),
    ],
)
def test_authors_of_a_line(line: str, people: tuple[Author, ...]) -> None:
    assert authors_of_line(line) == people


@given(st.text(max_size=200))
def test_any_list_of_authors_is_read(text: str) -> None:
    assert all(str(person) for person in authors_of_field(text) + authors_of_line(text))


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("doi:10.1000/xyz123.", "10.1000/xyz123"),
        ("https://doi.org/10.1016/S0140-6736(20)30183-5)", "10.1016/S0140-6736(20)30183-5"),
        ("10.1000/A 10.1000/a", "10.1000/a"),
        ("10.1000/a 10.1000/b", ""),
        ("version 10.12/5", ""),
    ],
)
def test_dois(text: str, doi: str) -> None:
    assert find_doi(text) == doi


@pytest.mark.parametrize(
    ("page", "doi"),
    [
        ("DOI: 10.1000/own\nText 10.2000/unlabelled", "10.1000/own"),
        ("DOI https://doi.org/10.1000/own", "10.1000/own"),
        ("Text\nReferences\n[1] doi:10.2000/cited", ""),
        ("doi:10.1000/a and doi:10.1000/b", ""),
    ],
)
def test_only_a_papers_own_doi_counts(page: str, doi: str) -> None:
    assert find_own_doi(page) == doi


@pytest.mark.parametrize(
    ("page", "number", "year"),
    [
        ("arXiv:1706.03762v5 [cs.CL] 6 Dec 2017", "1706.03762", 2017),
        ("arXiv:hep-th/9901001v3 2 Jan 1999", "hep-th/9901001", 1999),
        ("arXiv preprint arXiv:1706.03762", "", None),
        ("arXiv:1706.03762v5 and arXiv:1807.00001v1", "", None),
    ],
)
def test_arxiv(page: str, number: str, year: int | None) -> None:
    assert find_arxiv(page) == number
    assert year_of_arxiv(number) == year
    assert doi_of_arxiv(number) == (f"10.48550/arXiv.{number}" if number else "")


@pytest.mark.parametrize(
    ("page", "year"),
    [
        ("© 2021 Elsevier", 2021),
        ("Copyright (c) The Authors 2019", 2019),
        ("Published online: 3 May 2020", 2020),
        ("Accepted 12 March 2018", 2018),
        ("© 2021 and © 2022", None),
        ("In 1999 we began", None),
    ],
)
def test_years(page: str, year: int | None) -> None:
    assert find_year(page) == year


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("under CC BY-NC-ND 4.0", "CC-BY-NC-ND-4.0"),
        ("http://creativecommons.org/licenses/by-sa/3.0/", "CC-BY-SA-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("all rights reserved", ""),
    ],
)
def test_licences(text: str, spdx: str) -> None:
    assert find_license(text) == spdx


TEXT = "We study net-\nworks of peers that share their ﬁles\nwith each other over years."
CLEAN = "We study networks of peers that share their files with each other over years."


@pytest.mark.parametrize(
    ("page", "abstract"),
    [
        (f"Title\nAbstract\n{TEXT}\n1 Introduction\nMore", CLEAN),
        (f"ABSTRACT. {TEXT}\nKeywords: a, b", CLEAN),
        (f"Abstract—{TEXT}\nIndex Terms—a", CLEAN),
        (f"Abstract {TEXT}\nI. INTRODUCTION", CLEAN),
        (f"Abstract\n{TEXT}", CLEAN),
        (f"Abstract {TEXT}", ""),
        ("Abstract\nToo short\n1 Introduction", ""),
        (f"Abstract\n{TEXT * 80}", ""),
        ("An abstract notion " * 10, ""),
    ],
)
def test_abstracts(page: str, abstract: str) -> None:
    assert find_abstract(page) == abstract


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("Keywords: peers, data sharing.\n1 Introduction", ("peers", "data sharing")),
        ("Key words: peers; sharing, open\n\nText, more", ("peers", "sharing, open")),
        ("Index Terms—peers, data\nsharing.\nText", ("peers", "data sharing")),
        ("Keywords " + "long " * 60, ()),
        ("no such list", ()),
    ],
)
def test_keywords(page: str, words: tuple[str, ...]) -> None:
    assert find_keywords(page) == words


def test_a_lone_keyword() -> None:
    assert split_keywords("peers") == ("peers",)
    assert split_keywords("") == ()


def page(*rows: tuple[str, float]) -> list[Fragment]:
    fragments, y = [], 800.0
    for text, size in rows:
        fragments.append(Fragment(text, 72, y, size))
        y -= 1.3 * size
    return fragments


BODY = [("Body text that is long enough to set the common size of the page", 10.0)] * 6


def test_the_largest_text_near_the_top_is_the_title() -> None:
    lines = lines_of(
        page(
            ("Journal of Peers", 24),
            ("A Study of", 18),
            ("Peer-", 18),
            ("to-Peer Networks∗", 18),
            ("Ada Lovelace", 12),
            *BODY,
        )
    )
    title, after = find_title(lines)
    assert title == "A Study of Peer-to-Peer Networks"
    assert find_authors(lines, after) == (ADA,)


def test_text_of_one_size_has_no_title() -> None:
    assert find_title(lines_of(page(*BODY))) == ("", 0)


def test_no_page_has_no_title() -> None:
    assert find_title(lines_of([])) == ("", 0)


def test_raised_marks_and_columns_keep_names_apart() -> None:
    row = [
        Fragment("Ada Lovelace", 72, 700, 12),
        Fragment("1,2", 140, 704, 7),
        Fragment("Alan Turing", 300, 700, 12),
    ]
    assert find_authors(lines_of(row), 0) == (ADA, ALAN)


def test_names_stop_at_the_abstract() -> None:
    rows = page(
        ("Ada Lovelace", 12),
        ("University of Somewhere", 10),
        ("Alan Turing", 12),
        ("Abstract", 12),
        ("Grace Hopper", 12),
    )
    assert find_authors(lines_of(rows), 0) == (ADA, ALAN)


def test_what_is_not_names_gives_no_authors() -> None:
    assert find_authors(lines_of(page(("A subtitle of some length", 12), ("Ada Lovelace", 12))), 0) == ()


@given(st.text())
def test_cleaned_text_is_one_line_that_encodes(text: str) -> None:
    line = clean(text)
    line.encode()
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
