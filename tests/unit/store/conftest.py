"""An open store in a temporary home, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from academics_jupyter.store import searching
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.repository import Repository
from academics_jupyter.store.store import Store
from tests.waiting import TIMEOUT_S

NOW_MS = 1_700_000_000_000


@pytest.fixture(autouse=True)
def patient_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, a search waits until all messages have been looked at."""
    monkeypatch.setattr(searching, "PATIENCE_S", TIMEOUT_S)


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    return ProfileFolder(tmp_path / "home", "default")


@pytest.fixture
def repository(folder: ProfileFolder) -> Repository:
    folder.create()
    return Repository(folder.repository, folder.parts)


@pytest.fixture
def keys() -> Keys:
    return Keys.generate()


@pytest.fixture
def store(folder: ProfileFolder, keys: Keys) -> Iterator[Store]:
    store = Store.open(folder, keys, clock=lambda: NOW_MS)
    yield store
    store.close()


@pytest.fixture
def topics(store: Store) -> list[frozenset[str]]:
    told: list[frozenset[str]] = []
    store.subscribe(told.append)
    return told
