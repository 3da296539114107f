from __future__ import annotations

from academics_jupyter.store.rates import FRESH_MS, NO_RATES, Rates
from academics_jupyter.store.store import Store

NOW_MS = 1_700_000_000_000


def test_the_rates_written_last_count_for_a_while(store: Store, topics: list[frozenset[str]]) -> None:
    assert store.rates.get(NOW_MS) == NO_RATES
    store.rates.put(Rates(1.5, 2e6), NOW_MS)
    store.rates.put(Rates(3.0, 0.0), NOW_MS + 1)
    assert topics == [frozenset({"rates"})] * 2
    assert store.rates.get(NOW_MS + FRESH_MS) == Rates(3.0, 0.0)
    assert store.rates.get(NOW_MS + FRESH_MS + 2) == NO_RATES


def test_a_clock_that_was_set_back_shows_nothing_old(store: Store) -> None:
    store.rates.put(Rates(1.0, 1.0), NOW_MS)
    assert store.rates.get(NOW_MS - 3_600_000) == NO_RATES
