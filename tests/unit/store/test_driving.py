from __future__ import annotations

from academics_jupyter.protocol.driving import Wish
from academics_jupyter.store.store import Store


def test_the_last_wish_counts_and_only_its_maker_renews_or_withdraws_it(
    store: Store, topics: list[frozenset[str]]
) -> None:
    driving = store.driving
    assert driving.wish() is None
    driving.make_wish(Wish("one", 1))
    driving.renew_wish(Wish("one", 2))
    assert driving.wish() == Wish("one", 2)
    driving.make_wish(Wish("another", 3))
    assert topics == [frozenset({"driving"})] * 3
    driving.renew_wish(Wish("one", 4))
    driving.withdraw_wish("one")
    assert driving.wish() == Wish("another", 3)
    assert len(topics) == 3
    driving.withdraw_wish("another")
    driving.withdraw_wish("another")
    assert driving.wish() is None
    assert len(topics) == 4


def test_the_last_driver_is_known_whatever_is_wished(store: Store, topics: list[frozenset[str]]) -> None:
    driving = store.driving
    assert driving.driver() == ""
    driving.drives("one", 1)
    driving.make_wish(Wish("another", 2))
    assert driving.driver() == "one"
    driving.drives("another", 3)
    driving.withdraw_wish("another")
    assert driving.driver() == "another"
    assert topics == [frozenset({"driving"})] * 4
