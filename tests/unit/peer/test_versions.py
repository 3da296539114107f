"""Versions: which chain a resource is in, what a new one takes over, and that nobody gets into another's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from academics_jupyter.metadata.describing import Metadata
from academics_jupyter.peer.versions import carried_over, chain, former_version, newest_after, outdated
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Author, Resource, sign_record
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.records import Records
from academics_jupyter.store.store import Store

ADA, BOB = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
ME = peer_id(ADA)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    store = Store.open(ProfileFolder(tmp_path, "default"), Keys.generate())
    yield store.records
    store.close()


def put(records: Records, key: SigningKey, number: int, previous: int = 0, **more: Any) -> Resource:
    given = {"version": 1, "file_name": "data.csv", "created_at_ms": number} | more
    record = Resource(
        peer=peer_id(key),
        epoch=1,
        sequence=1 + len(records.resources()),
        issued_at_ms=0,
        expires_at_ms=1,
        id=f"{number:064x}",
        sha256="ab" * 32,
        size_bytes=1,
        media_type="text/csv",
        kind="data",
        title="Data",
        previous=f"{previous:064x}" if previous else "",
        **given,
    )
    assert records.put(sign_record(key, record))
    return record


def numbers(resources: list[Resource]) -> list[int]:
    return [int(resource.id, 16) for resource in resources]


def test_a_chain_is_the_same_from_each_of_its_links(records: Records) -> None:
    versions = [put(records, ADA, 1), put(records, ADA, 2, 1, version=2), put(records, ADA, 3, 2, version=3)]
    put(records, ADA, 9, file_name="other.csv")
    for each in versions:
        assert numbers(chain(records, each)) == [3, 2, 1]
    newer = outdated(records)
    assert [newest_after(newer, each) for each in versions] == [versions[2], versions[2], None]


def test_nobody_gets_into_the_chain_of_another(records: Records) -> None:
    mine = put(records, ADA, 1)
    put(records, BOB, 2, 1, version=2)
    assert numbers(chain(records, mine)) == [1]
    assert newest_after(outdated(records), mine) is None
    theirs = put(records, BOB, 3, 1, version=9)
    assert numbers(chain(records, theirs)) == [3]


def test_rings_and_false_numbers_are_no_chain(records: Records) -> None:
    one = put(records, ADA, 1, 2, version=3)
    two = put(records, ADA, 2, 1, version=3)
    itself = put(records, ADA, 3, 3, version=2)
    assert [numbers(chain(records, each)) for each in (one, two, itself)] == [[1], [2], [3]]
    assert newest_after(outdated(records), one) is None
    assert newest_after(outdated(records), itself) is None


def test_what_was_withdrawn_ends_a_chain(records: Records) -> None:
    first = put(records, ADA, 1)
    put(records, ADA, 2, 1, version=2, withdrawn=True)
    third = put(records, ADA, 3, 2, version=3)
    assert numbers(chain(records, third)) == [3]
    assert numbers(chain(records, first)) == [1]
    assert newest_after(outdated(records), first) is None


def test_the_former_version_is_our_newest_of_that_name_and_kind(records: Records) -> None:
    put(records, ADA, 1)
    newest = put(records, ADA, 2, 1, version=2)
    put(records, ADA, 3, file_name="data.csv.bak")
    put(records, ADA, 4, files=3, version=7)
    put(records, ADA, 5, version=8, withdrawn=True)
    put(records, BOB, 6, version=9)
    assert former_version(records, ME, "data.csv", "ab" * 32, is_folder=False) == newest
    assert former_version(records, ME, "data.csv", newest.id, is_folder=False) is None
    assert former_version(records, ME, "new.csv", "ab" * 32, is_folder=False) is None
    folder = former_version(records, ME, "data.csv", "ab" * 32, is_folder=True)
    assert folder is not None
    assert folder.files == 3


@pytest.mark.parametrize("name", ['quo"te.csv', "back\\slash", "é – 🌍.csv", "per%cent_.csv"])
def test_any_name_is_found_again(records: Records, name: str) -> None:
    former = put(records, ADA, 1, file_name=name)
    assert former_version(records, ME, name, "ab" * 32, is_folder=False) == former


def test_what_was_said_by_hand_holds_until_the_file_says_otherwise(records: Records) -> None:
    authors = (Author(literal="Ada Lovelace"),)
    former = put(records, ADA, 1, keywords=("orbits",), authors=authors, license="CC-BY-4.0", doi="10.1/x", year=2020)
    before = Metadata("data", "data", "text/csv")
    assert carried_over(former, before, before) == {
        "title": "Data",
        "authors": authors,
        "abstract": "",
        "keywords": ("orbits",),
        "license": "CC-BY-4.0",
    }
    now = Metadata("A title in the file", "data", "text/csv", keywords=("planets",))
    assert carried_over(former, before, now) == {"authors": authors, "abstract": "", "license": "CC-BY-4.0"}
