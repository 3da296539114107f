from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academics_jupyter.protocol.records import Author, Profile, Resource
from academics_jupyter.registry.matching import Fit, age_order, fit, profile_fits
from academics_jupyter.registry.port import Query
from academics_jupyter.registry.words import (
    MAX_RESOURCE_WORDS,
    MAX_WORD_LENGTH,
    Searched,
    joined,
    profile_words,
    query_words,
    resource_words,
    searched,
    split,
)


def resource(**fields: object) -> Resource:
    usual: dict[str, object] = {
        "peer": "a" * 64,
        "epoch": 1,
        "sequence": 1,
        "issued_at_ms": 5,
        "expires_at_ms": 10,
        "id": "b" * 64,
        "sha256": "c" * 64,
        "size_bytes": 1,
        "file_name": "x1.pdf",
        "media_type": "application/pdf",
        "kind": "paper",
        "title": "Graph networks",
    }
    return Resource(**{**usual, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Éléments de Géométrie", ["elements", "de", "geometrie"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("snake_case-and.dots/x", ["snake", "case", "and", "dots", "x"]),
        ("E=mc² β-decay", ["e", "mc2", "β", "decay"]),
        ("İstanbul", ["istanbul"]),
        ("  ", []),
        ("\x00\u202e\U0001f600", []),
        ("深度 学习", ["深度", "学习"]),
    ],
)
def test_a_text_is_split_without_case_accents_and_punctuation(text: str, words: list[str]) -> None:
    assert split(text) == words


@given(st.text())
def test_words_are_short_plain_and_stay_as_they_are(text: str) -> None:
    for word in split(text):
        assert 0 < len(word) <= MAX_WORD_LENGTH
        assert word == word.casefold() or not word.isascii()
    assert split(joined(text)) == split(text)


def test_every_part_of_a_resource_has_its_share_before_the_abstract() -> None:
    words = resource_words(
        resource(
            title="The theory of " + " ".join(f"title{i}" for i in range(30)),
            authors=(Author(family="Noether", given="Emmy"), Author(literal="LIGO Collaboration")),
            keywords=("Abstract Algebra",),
            abstract="never reached",
            year=1921,
            file_name="idealtheorie.pdf",
        )
    )
    assert len(words) == MAX_RESOURCE_WORDS
    assert {"noether", "ligo", "abstract", "algebra", "1921", "paper", "idealtheorie", "theory"} <= set(words)
    assert not {"the", "of", "never"} & set(words)


def test_the_abstract_fills_what_is_left() -> None:
    assert "molecules" in resource_words(resource(abstract="About molecules."))


def test_three_hundred_authors_do_not_crowd_out_the_rest() -> None:
    crowd = tuple(Author(family=f"Author{i}") for i in range(300))
    words = resource_words(resource(authors=crowd, keywords=("higgs",)))
    assert "higgs" in words
    assert len(words) == MAX_RESOURCE_WORDS


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ((), Searched()),
        (("...",), Searched()),
        (("Graph Net",), Searched(("graph",), "net")),
        (("graph", "net"), Searched(("graph",), "net")),
        (("state of the",), Searched((), "state")),
        (("the",), Searched((), "the")),
        (("graph n",), Searched(("graph",), "n")),
        (("r graph",), Searched((), "graph")),
        (("graph graph",), Searched((), "graph")),
    ],
)
def test_what_a_query_asks_for(texts: tuple[str, ...], wanted: Searched) -> None:
    assert searched(texts) == wanted


def test_a_query_has_a_bounded_number_of_words() -> None:
    assert len(query_words([" ".join(f"w{i}" for i in range(1000))])) == 12


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), Fit.WHOLE),
        (Query(words=("graph",)), Fit.WHOLE),
        (Query(words=("gra",)), Fit.BEGINNING),
        (Query(words=("gra", "networks")), Fit.NONE),
        (Query(words=("graph", "netw")), Fit.BEGINNING),
        (Query(kind="data"), Fit.NONE),
        (Query(author="emmy noether"), Fit.WHOLE),
        (Query(author="noether, E."), Fit.WHOLE),
        (Query(author="noether, D."), Fit.NONE),
        (Query(author="noe emmy"), Fit.NONE),
        (Query(author="emmy hilbert"), Fit.NONE),
        (Query(keyword="machine-learning"), Fit.WHOLE),
        (Query(keyword="machine"), Fit.WHOLE),
        (Query(keyword="learning"), Fit.NONE),
    ],
)
def test_fit(query: Query, expected: Fit) -> None:
    described = resource(
        authors=(Author(family="Noether", given="Emmy"), Author(family="Hilbert", given="David")),
        keywords=("Machine Learning",),
    )
    assert fit(described, query) is expected


def test_what_is_withdrawn_fits_nothing() -> None:
    assert fit(resource(withdrawn=True), Query()) is Fit.NONE


def test_age_order_grows_with_time_and_fits_64_bits() -> None:
    assert age_order(resource(created_at_ms=1, sha256="f" * 64)) < age_order(resource(created_at_ms=2, sha256="0" * 64))
    assert age_order(resource(created_at_ms=(1 << 53) - 1, sha256="f" * 64)) == (1 << 63) - 1


def test_profiles_are_found_by_the_beginnings_of_words() -> None:
    ada = Profile(
        peer="a" * 64,
        epoch=1,
        sequence=1,
        issued_at_ms=1,
        expires_at_ms=2,
        name="Ada Lovelace",
        affiliation="Analytical Engine",
        interests=("Bernoulli numbers",),
    )
    assert profile_words(ada) == ("ada", "lovelace", "analytical", "engine", "bernoulli", "numbers")
    assert profile_fits(ada, ("love", "bern"))
    assert not profile_fits(ada, ("love", "gauss"))
