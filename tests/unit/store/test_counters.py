"""Numbers that readers have seen are never given out again, whichever copy of the store goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.store import Store

BOB = "0b" * 32
MADE_MS = 5_000_000


def opened(folder: ProfileFolder, keys: Keys, now_ms: int) -> Store:
    return Store.open(folder, keys, clock=lambda: now_ms)


def numbers(store: Store, keys: Keys) -> tuple[int, int]:
    written = store.messages.compose(keys.signing, BOB, "hello", 1)
    return written.series, written.sequence


@pytest.mark.parametrize("now_ms", [MADE_MS + 86_400_000, MADE_MS, 1_000])
def test_a_copy_writes_in_a_series_of_its_own(folder: ProfileFolder, keys: Keys, tmp_path: Path, now_ms: int) -> None:
    store = opened(folder, keys, MADE_MS)
    epoch = store.counters.epoch()
    assert [numbers(store, keys) for _ in range(2)] == [(MADE_MS, 1), (MADE_MS, 2)]
    store.close()
    seen, epochs = {MADE_MS}, [epoch]
    for name in ("first", "second"):
        copied = ProfileFolder(tmp_path / name, "default")
        shutil.copytree(folder.path, copied.path)
        copy = opened(copied, keys, now_ms)
        series, sequence = numbers(copy, keys)
        assert (series > max(MADE_MS, now_ms), sequence) == (True, 1)
        assert series not in seen
        seen.add(series)
        assert copy.counters.epoch() >= max(epoch + 1, now_ms)
        epochs.append(copy.counters.epoch())
        copy.close()
        again = opened(copied, keys, now_ms)
        assert (numbers(again, keys), again.counters.epoch()) == ((series, 2), epochs[-1])
        again.close()
    original = opened(folder, keys, MADE_MS)
    assert (numbers(original, keys), original.counters.epoch()) == ((MADE_MS, 3), epoch)
    original.close()


def test_a_folder_that_was_renamed_is_no_copy(folder: ProfileFolder, keys: Keys, tmp_path: Path) -> None:
    opened(folder, keys, MADE_MS).close()
    folder.home.rename(tmp_path / "moved")
    store = opened(ProfileFolder(tmp_path / "moved", "default"), keys, MADE_MS + 1)
    assert numbers(store, keys) == (MADE_MS, 1)
    store.close()
