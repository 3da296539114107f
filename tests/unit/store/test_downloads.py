"""Downloads as the store keeps them: what each holder gave outlasts a pause."""

from __future__ import annotations

from academics_jupyter.store.downloads import Share, added_shares
from academics_jupyter.store.store import Store
from tests.unit.store.conftest import NOW_MS


def test_what_holders_gave_before_a_pause_counts() -> None:
    former = (Share("ada", 70, 0.0), Share("grace", 20, 0.0))
    now = (Share("grace", 5, 1.5), Share("mary", 3, 2.5))
    assert added_shares(former, now) == (Share("grace", 25, 1.5), Share("mary", 3, 2.5), Share("ada", 70, 0.0))
    assert added_shares(former, ()) == former
    assert added_shares((), now) == now


def test_what_has_ended_can_be_taken_off_the_list_and_nothing_else(store: Store) -> None:
    rows = [store.downloads.request(f"{number:064x}", f"{number}.txt", 10, "", NOW_MS) for number in range(4)]
    store.downloads.turn(rows[0].id, "finished")
    store.downloads.turn(rows[1].id, "failed", error="why")
    store.downloads.turn(rows[2].id, "active")
    store.downloads.clear(("finished", "active", "waiting"))
    assert [row.id for row in store.downloads.all()] == [rows[3].id, rows[2].id, rows[1].id]
    for row in rows:
        store.downloads.forget(row.id)
    assert [row.id for row in store.downloads.all()] == [rows[3].id, rows[2].id]


def test_what_came_last_before_a_pause_counts_though_it_goes_on_at_once(store: Store) -> None:
    download = store.downloads.request("ab" * 32, "a.txt", 10, "", NOW_MS).id
    for state in ("active", "paused", "waiting"):
        store.downloads.turn(download, state)
    store.downloads.settle(download, done_bytes=7, holders=(Share("ada", 7, 1.0),), pieces="90")
    row = store.downloads.get(download)
    assert row is not None
    assert (row.state, row.done_bytes, row.holders) == ("waiting", 7, (Share("ada", 7, 0.0),))
    store.downloads.turn(download, "finished", done_bytes=10)
    store.downloads.settle(download, done_bytes=7, holders=(), pieces="")
    row = store.downloads.get(download)
    assert row is not None
    assert (row.state, row.done_bytes) == ("finished", 10)
