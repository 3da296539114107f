from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from academics_jupyter.peer.collecting import spare_what_lives


class Knot:
    """Holds on to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_is_not_gone_through_again() -> None:
    lives = Knot()
    spare_what_lives()
    assert not any(each is lives for each in gc.get_objects())
    assert gc.get_freeze_count() > len(gc.get_objects())


def test_what_was_dropped_before_is_collected_and_so_is_what_comes_later() -> None:
    before = weakref.ref(Knot())
    spare_what_lives()
    later = weakref.ref(Knot())
    gc.collect()
    assert before() is None
    assert later() is None
