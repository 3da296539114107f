"""Drafts in the store: kept as the person leaves them, until they are published or discarded."""

from __future__ import annotations

import sqlite3

import pytest

from academics_jupyter.errors import UnknownTargetError
from academics_jupyter.store.drafts import Draft
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.schema import MIGRATIONS
from academics_jupyter.store.store import Store
from tests.unit.store.conftest import NOW_MS


def add(store: Store, path: str, said: str = "{}", *, brought: bool = False) -> Draft:
    return store.drafts.add(path=path, name="a.txt", size_bytes=3, files=0, brought=brought, said=said, notice="n")


def test_drafts_are_kept_in_the_order_they_were_made(store: Store, topics: list[frozenset[str]]) -> None:
    first, second = add(store, "/a.txt"), add(store, "/b.txt", brought=True)
    assert store.drafts.all() == [first, second]
    assert second == Draft(2, "/b.txt", "a.txt", 3, 0, True, "{}", "n", NOW_MS)
    assert topics == [frozenset({"drafts"})] * 2


def test_a_path_has_one_draft_which_stays_as_it_was_left(store: Store) -> None:
    first = add(store, "/a.txt")
    store.drafts.revise(first.id, '{"title":"mine"}')
    again = add(store, "/a.txt", '{"title":"found"}')
    assert (again.id, again.said) == (first.id, '{"title":"mine"}')
    assert store.drafts.all() == [again]


def test_what_is_removed_is_gone_and_its_number_is_not_given_again(store: Store) -> None:
    first = add(store, "/a.txt")
    store.drafts.remove(first.id)
    store.drafts.remove(first.id)
    with pytest.raises(UnknownTargetError, match="meanwhile"):
        store.drafts.get(first.id)
    assert add(store, "/a.txt").id > first.id


def test_drafts_outlive_the_process(folder: ProfileFolder, keys: Keys) -> None:
    store = Store.open(folder, keys)
    draft = add(store, "/a.txt")
    store.close()
    store = Store.open(folder, keys)
    assert store.drafts.all() == [draft]
    store.close()


def test_a_store_of_before_drafts_gets_their_table(folder: ProfileFolder, keys: Keys) -> None:
    Store.open(folder, keys).close()
    with sqlite3.connect(folder.database) as connection:
        connection.execute("DROP TABLE drafts")
        connection.execute("PRAGMA user_version=5")
    connection.close()
    store = Store.open(folder, keys)
    assert store.drafts.all() == []
    store.close()
    with sqlite3.connect(folder.database) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    connection.close()
