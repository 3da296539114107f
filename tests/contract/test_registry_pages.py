"""How the Registry port orders, filters and pages, over its twin in memory and over a real mongod; and what that costs.

Its fixtures and records are those of `test_registry`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Author, Signed
from academics_jupyter.registry import planning
from academics_jupyter.registry.mongo import MongoRegistry
from academics_jupyter.registry.port import Found, Order, Query, Registry
from tests.contract import test_registry as port
from tests.contract.test_registry import ADA, BOB, EVE, everybody, holding, key, presence, profile, publish, titles
from tests.contract.test_registry import resource as described

mongod, database, real, registry = port.mongod, port.database, port.real, port.registry
"""The fixtures, for this module too."""

PAGE = 3


async def pages(registry: Registry, query: Query, most: int = 100) -> list[list[Found]]:
    """Every page, as a person turns them."""
    found = []
    for _ in range(most):
        page = await registry.search(query)
        found.append(list(page.found))
        if page.next is None:
            return found
        query = replace(query, after=page.next)
    raise AssertionError("the pages have no end")


async def walked(registry: Registry, query: Query) -> list[str]:
    """The titles of all pages, one after the other; each page but the last is full."""
    found = await pages(registry, query)
    assert all(len(page) == query.limit for page in found[:-1])
    return [title for page in found for title in titles(page)]


def a_shelf() -> list[Signed]:
    """Resources whose orders by title, year, size and age all differ, and which tie in each but the last."""
    words = ("Beta", "alpha", "Ähre", "gamma", "alpha", "", "delta", "Beta", "gamma", "omega", "zeta")
    years = (1900, 2001, None, 1900, 2001, 1999, 2020, 1900, None, 2020, 1)
    sizes = (5, 3, 3, 9, 1 << 40, 3, 0, 7, 7, 5, 2)
    return [
        described(
            ADA, f"id {number}", number + 1, title=f"{word} n{number:02}" if word else "", year=year, size_bytes=size
        )
        for number, (word, year, size) in enumerate(zip(words, years, sizes, strict=True))
    ]


async def test_each_order_is_kept_through_its_pages(registry: Registry) -> None:
    shelf = [signed.record for signed in a_shelf()]
    await publish(registry, *a_shelf())
    latest = shelf[::-1]
    newest = [each.title for each in latest]
    expected = {
        Order.BEST: newest,
        Order.NEWEST: newest,
        Order.TITLE: [
            each.title for each in sorted(shelf, key=lambda each: each.title.casefold().replace("ä", "a") or "file pdf")
        ],
        Order.YEAR: [each.title for each in sorted(latest, key=lambda each: -(each.year or 0))],
        Order.SIZE: [each.title for each in sorted(latest, key=lambda each: -each.size_bytes)],
    }
    for order, wanted in expected.items():
        assert await walked(registry, Query(order=order, limit=PAGE)) == wanted, order
        assert titles(await registry.search(Query(order=order))) == wanted, order
    for order in Order:
        found = await walked(registry, Query(order=order, limit=2, words=("al",)))
        assert found == [each for each in expected[order] if each.startswith("al")], order


async def test_whole_words_come_before_beginnings_through_all_pages(registry: Registry) -> None:
    shelf = ["net one", "netting two", "network net three", "network four", "net five", "netting six", "net net seven"]
    await publish(registry, *(described(ADA, title, number + 1) for number, title in enumerate(shelf)))
    whole = ["net net seven", "net five", "network net three", "net one"]
    expected = [*whole, "netting six", "network four", "netting two"]
    for limit in (1, 2, 3, 4, 5):
        assert await walked(registry, Query(words=("net",), limit=limit)) == expected
    assert await walked(registry, Query(words=("net",), limit=2, order=Order.NEWEST)) == [
        "net net seven", "netting six", "net five", "network four", "network net three", "netting two", "net one",
    ]  # fmt: skip


async def test_what_came_meanwhile_moves_no_page(registry: Registry) -> None:
    await publish(registry, *(described(ADA, f"paper {number}", number + 1) for number in range(6)))
    first = await registry.search(Query(limit=PAGE))
    assert first.next is not None
    await publish(registry, described(ADA, "the latest", 100), described(ADA, "paper 4", 5, 2, withdrawn=True))
    second = await registry.search(Query(limit=PAGE, after=first.next))
    assert titles(second) == ["paper 2", "paper 1", "paper 0"]
    assert second.next is None
    assert titles(await registry.search(Query(limit=PAGE))) == ["the latest", "paper 5", "paper 3"]


async def test_what_several_describe_is_on_one_page_only(registry: Registry) -> None:
    same = [
        described(who, "same", created, title=f"net by {created}") for who, created in ((ADA, 9), (BOB, 5), (EVE, 1))
    ]
    others = [described(ADA, f"net {number}", number) for number in (2, 4, 6, 8)]
    begun = described(BOB, "net 8", 7, title="network 8")
    await publish(registry, *same, *others, begun)
    for order in (Order.BEST, Order.NEWEST, Order.TITLE):
        found = await pages(registry, Query(words=("net",), limit=1, order=order))
        ids = [each.descriptions[0].record.id for page in found for each in page]
        assert len(ids) == len(set(ids)) == 5, order


async def test_resources_of_one_time_are_all_shown(registry: Registry) -> None:
    shelf = [described(ADA, f"tied {number}", 1, sha256="0" * 64, size_bytes=7, year=2000) for number in range(9)]
    await publish(registry, *shelf)
    for order in (Order.NEWEST, Order.YEAR, Order.SIZE):
        assert sorted(await walked(registry, Query(limit=2, order=order))) == [f"tied {n}" for n in range(9)], order


async def test_filters_that_are_begun_and_those_of_years_and_sharers(registry: Registry) -> None:
    noether, hilbert = Author(family="Noether", given="Emmy"), Author(family="Hilbert", given="David")
    await publish(
        registry,
        described(ADA, "rings", 1, authors=(noether, hilbert), keywords=("Commutative algebra",), year=1921),
        described(BOB, "fields", 2, authors=(hilbert,), keywords=("algebra",), kind="data", year=1897),
        described(BOB, "undated", 3, keywords=("geometry",)),
    )
    expected = {
        Query(author="hil"): ["fields", "rings"],
        Query(author="Noether, E."): ["rings"],
        Query(author="noe hilbert"): [],
        Query(keyword="comm"): ["rings"],
        Query(keyword="alg"): ["fields"],
        Query(year_from=1897): ["rings", "fields"][::-1],
        Query(year_from=1900): ["rings"],
        Query(year_to=1900): ["fields"],
        Query(year_from=1921, year_to=1921): ["rings"],
        Query(year_from=1922, year_to=1920): [],
        Query(sharer=peer_id(BOB)): ["undated", "fields"],
        Query(sharer=peer_id(BOB), author="hilb", kind="data", year_to=1900, words=("fie",)): ["fields"],
        Query(sharer=peer_id(ADA), kind="data"): [],
    }
    for query, wanted in expected.items():
        assert titles(await registry.search(query)) == wanted, query
        for order in (Order.TITLE, Order.YEAR, Order.SIZE):
            found = await registry.search(replace(query, order=order))
            assert sorted(titles(found)) == sorted(wanted), (query, order)


async def test_pages_of_what_is_available(registry: Registry) -> None:
    for number in range(12):
        await publish(registry, described(BOB, f"common {number:02}", number + 1))
        if number % 2:
            await publish(registry, holding(ADA, f"common {number:02}"))
    wanted = [f"common {number:02}" for number in range(12) if number % 2]
    for order, expected in ((Order.NEWEST, wanted[::-1]), (Order.TITLE, wanted)):
        query = Query(available=True, online=everybody(ADA), limit=4, order=order)
        assert await walked(registry, query) == expected


async def test_people_of_a_circle_and_page_by_page(registry: Registry) -> None:
    everyone = [profile(key(f"p{number}"), f"Person {number:02}") for number in range(7)]
    namesake = profile(key("twin"), "Person 03")
    await publish(registry, *everyone, namesake)
    assert len(await registry.profiles(("person",), among=everybody(key("p2"), key("nobody")))) == 1
    assert await registry.profiles(("nobody",), among=everybody(key("p2"))) == []
    seen = page = await registry.profiles((), 3)
    while page:
        page = await registry.profiles((), 3, after=seen[-1])
        seen = [*seen, *page]
    assert [signed.record.name for signed in seen] == sorted(signed.record.name for signed in [*everyone, namesake])
    assert len({signed.record.peer for signed in seen}) == 8


async def test_the_last_presence_of_those_who_left(registry: Registry) -> None:
    now = await registry.now_ms()
    left, there = presence(ADA, now, 2, online=False), presence(BOB, now)
    await publish(registry, presence(ADA, now), left, there)
    assert await registry.presences(everybody(ADA, EVE)) == [left]
    assert await registry.presences(frozenset()) == []


async def test_a_document_of_wrong_types_hinders_nobody(real: MongoRegistry, database) -> None:
    honest = described(BOB, "honest paper", 2, authors=(Author(literal="Emmy Noether"),))
    await publish(real, honest)
    for number, altered in enumerate(
        [
            {"kw": "paper"},
            {"kw": 5},
            {"authors": "noether"},
            {"topics": {}},
            {"order": 5},
            {"k": "x"},
            {"year": "x"},
            {"id": 7},
        ]
    ):
        port.put(database, described(ADA, f"forged paper {number}", 3), signature="0" * 128, **altered)
    for query in (Query(words=("paper", "honest")), Query(words=("paper", "hon")), Query(author="emmy noe")):
        for order in Order:
            found = await walked(real, replace(query, order=order, limit=1))
            assert found == ["honest paper"], (query, order)


@pytest.fixture
async def stacked(real: MongoRegistry, database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MongoRegistry]:
    """A registry with more of everything than is ever sorted in memory, whose reads are noted."""
    monkeypatch.setattr(planning, "MAX_SORTED", 40)
    keywords, kinds = ("common",), ("paper", "data")
    for number in range(400):
        rare = ("rare",) if number % 80 == 0 else ()
        signed = described(
            ADA, f"common {number:03}", number + 1, kind=kinds[number % 2], keywords=(*keywords, *rare),
            year=1900 + number % 100, size_bytes=number % 50, authors=(Author(family="Many", given=f"n{number % 7}"),),
        )  # fmt: skip
        port.put(database, signed)
    database["terms"].insert_many([{"_id": "common", "n": 400}, {"_id": "rare", "n": 5}, {"_id": "many", "n": 400}])
    yield real
    database.command("profile", 0)


def note_anew(database) -> None:
    """Forget what was read so far, and note what is from now on."""
    database.command("profile", 0)
    database["system.profile"].drop()
    database.command("profile", 2)


def most_read(database) -> int:
    """How much any one query for resources has read, documents or keys."""
    noted = database["system.profile"].find({"ns": f"{database.name}.resources", "op": "query"})
    return max(max(each["docsExamined"], each["keysExamined"]) for each in noted)


NARROWED: list[dict] = [
    {}, {"words": ("common",)}, {"words": ("comm",)}, {"kind": "data"}, {"author": "man"}, {"keyword": "common"},
    {"keyword": "rare"}, {"words": ("rare",)}, {"year_from": 1950}, {"year_from": 1999}, {"sharer": peer_id(ADA)},
    {"words": ("common",), "keyword": "rare"}, {"author": "man", "year_from": 1999, "year_to": 1999},
]  # fmt: skip


async def test_no_page_reads_more_than_a_part(stacked: MongoRegistry, database) -> None:
    for order in Order:
        for narrowed in NARROWED:
            note_anew(database)
            query = Query(order=order, limit=5, **narrowed)
            for _ in range(3):
                page = await stacked.search(query)
                assert page.found
                if page.next is None:
                    break
                query = replace(query, after=page.next)
            assert most_read(database) <= 100, query


async def test_what_few_who_are_online_hold_is_found_without_the_rest(stacked: MongoRegistry, database) -> None:
    held = [f"common {number:03}" for number in (3, 4, 5, 103)]
    for title in held:
        port.put(database, holding(BOB, title))
    port.put(database, holding(EVE, "common 399"))
    for order in Order:
        for narrowed, wanted in ((), held), (("common",), held), (("common", "103"), held[3:]):
            note_anew(database)
            page = await stacked.search(
                Query(words=narrowed, order=order, available=True, online=everybody(BOB), limit=5)
            )
            assert sorted(titles(page)) == wanted
            assert page.next is None
            assert most_read(database) <= 100, (order, narrowed)


async def test_what_many_hold_is_found_though_it_is_too_much_to_name(stacked: MongoRegistry, database) -> None:
    for number in range(60):
        port.put(database, holding(BOB, f"common {number:03}"))
    query = Query(order=Order.TITLE, available=True, online=everybody(BOB), limit=25)
    assert await walked(stacked, query) == [f"common {number:03}" for number in range(60)]
