from __future__ import annotations

from academics_jupyter.store.events import KEPT, ToldEvent
from academics_jupyter.store.store import Store


def told(number: int) -> ToldEvent:
    return ToldEvent("here", number, "Counted", f'{{"number":{number}}}')


def test_each_reader_goes_on_where_it_stopped(store: Store, topics: list[frozenset[str]]) -> None:
    assert store.events.last() == 0
    assert store.events.after(0) == (0, [])
    store.events.append([told(1), told(2)])
    middle = store.events.last()
    store.events.append([told(3)])
    position, events = store.events.after(0)
    assert events == [told(1), told(2), told(3)]
    assert store.events.after(middle) == (position, [told(3)])
    assert store.events.after(position) == (position, [])
    assert topics == [{"events"}] * 2


def test_nothing_to_tell_wakes_nobody(store: Store, topics: list[frozenset[str]]) -> None:
    store.events.append([])
    assert topics == []


def test_only_the_recent_ones_are_kept(store: Store) -> None:
    store.events.append(map(told, range(KEPT)))
    store.events.append(map(told, range(KEPT, KEPT + 5)))
    assert store.events.after(0)[1] == [told(number) for number in range(5, KEPT + 5)]
