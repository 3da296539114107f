"""How fast a long history opens and is searched: `python -m tests.benchmarks.history [MESSAGES] [ROUNDS]`.

A profile with so many messages in its longest conversation, and a tenth as many in ten others, all sealed; their words
are as unevenly common as in a language. Printed is what making the search index from them costs, and then, each in
ROUNDS fresh processes, how long it takes to open the store, the last page of the long conversation, and the search with
a first query, and to ask further ones as they are typed. The last page and each search are to stay under 100 ms with
100,000 messages, also where as many have come since the snapshot as may without a new one.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NoReturn

import psutil

from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.searching import SAVE_AFTER
from academics_jupyter.store.store import Store

PEERS = ["0a" * 32, *(f"{number:02x}" * 32 for number in range(11, 21))]
PAGE = 50
SINCE = SAVE_AFTER - 1
WORDS = 40_000
TYPED = ("a", "an", "e", "co", "words", "words ", '"and so', "no such word")
"""Besides words of the messages themselves."""


OPEN, KILLED, PAGE_OF, FIRST, FURTHER = (
    "open the store",
    "open it after a kill",
    "open the last page",
    "open the search, first query",
    "a further query, slowest",
)
SHOWN = (OPEN, PAGE_OF, FIRST, FURTHER, KILLED)


@dataclass(frozen=True, slots=True)
class Opened:
    """What fresh processes took, each in ms, by what they did; but for the memory, in MB."""

    messages: int
    store_mb: float
    ms: dict[str, list[float]]


def measure(messages: int = 100_000, rounds: int = 9) -> Opened:
    """Make the history, then have fresh processes open it, with as much since the snapshot as may be."""
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as home:
        keys = Keys.generate()
        folder, texts = ProfileFolder(Path(home), "default"), _texts(messages * 11 // 10 + SINCE)
        store = Store.open(folder, keys)
        _write(store, keys, itertools.islice(texts, messages * 11 // 10))
        _index(store)
        print(f"snapshot {folder.search.stat().st_size / 1e6:.1f} MB")
        store.close()
        _show(f"nothing since the snapshot ({rounds} fresh processes)", _runs(folder, keys, rounds))
        store = Store.open(folder, keys)
        _write(store, keys, texts)
        store.database.close()  # without the search, which would save what came since
        runs = _runs(folder, keys, rounds)
        _show(f"{SINCE} messages since the snapshot", runs)
        return Opened(
            messages,
            folder.database.stat().st_size / 1e6,
            {what: [run[what] for run in runs] for what in runs[0]},
        )


def _texts(count: int) -> Iterator[str]:
    chance = random.Random(7)
    letters, weights = "etaoinshrdlucmfwypvbgkjqxz", range(26, 0, -1)
    words = ["".join(chance.choices(letters, weights, k=chance.randint(1, 11))) for _ in range(WORDS)]
    rarity = list(itertools.accumulate(1 / rank for rank in range(1, WORDS + 1)))
    for _ in range(count):
        yield " ".join(chance.choices(words, cum_weights=rarity, k=chance.randint(3, 40)))


def _write(store: Store, keys: Keys, texts: Iterator[str]) -> None:
    began, count = time.perf_counter(), 0
    for portion in iter(lambda: list(itertools.islice(texts, 5_000)), []):
        with store.transaction():
            for text in portion:
                conversation = PEERS[0] if count % 11 else PEERS[1 + count // 11 % (len(PEERS) - 1)]
                store.messages.compose(keys.signing, conversation, text, 1_700_000_000_000 + count)
                count += 1
    took_s = time.perf_counter() - began
    print(f"written         {count:7,} messages in {took_s:6.1f} s, {1e6 * took_s / count:5.0f} µs each")


def _index(store: Store) -> None:
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    missing = store.search.find("a", limit=1).missing
    first_s = time.perf_counter() - began
    while store.search.find("a", limit=1).missing:
        time.sleep(0.05)
    took_s = time.perf_counter() - began
    grown = psutil.Process().memory_info().rss - before
    began = time.perf_counter()
    store.search.close()
    closed_s = time.perf_counter() - began
    print(f"index made in   {took_s:6.1f} s; first answer after {first_s:.2f} s with {missing:,} messages missing")
    print(f"memory          {grown / 1e6:6.1f} MB more; saved in {closed_s:.2f} s at the end")


def _runs(folder: ProfileFolder, keys: Keys, rounds: int) -> list[dict[str, float]]:
    return [_in_process(folder, keys) | _in_process(folder, keys, "killed") for _ in range(rounds)]


def _in_process(folder: ProfileFolder, keys: Keys, *after: str) -> dict[str, float]:
    """The times in ms of one fresh process."""
    command = [sys.executable, "-m", __spec__.name, "open", str(folder.home), *after]
    done = subprocess.run(command, input=keys.secret, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def _open(home: Path, *, killed: bool) -> None:
    """Measure here, as the fresh process, after the last one was killed or not; the keys come on standard input."""
    folder, keys = ProfileFolder(home, "default"), Keys.of(sys.stdin.buffer.read())
    times_ms: dict[str, float] = {}
    began = time.perf_counter()

    def took(what: str) -> None:
        nonlocal began
        now = time.perf_counter()
        times_ms[what] = (now - began) * 1e3
        began = now

    if killed:
        folder.database.with_name(f"{folder.database.name}.closed").unlink()
        began = time.perf_counter()
    store = Store.open(folder, keys)
    took(KILLED if killed else OPEN)
    if killed:
        _end(store, times_ms)
    last = store.messages.history(PEERS[0], PAGE)
    took(PAGE_OF)
    store.messages.conversations()
    took("list the conversations")
    before = psutil.Process().memory_info().rss
    began = time.perf_counter()
    found = store.search.find(last[-1].text.split()[0], limit=PAGE)
    took(FIRST)
    assert not found.missing
    assert found.messages
    own = [word for message in last for word in message.text.split()][:40]
    each_ms = []
    for typed in (
        *TYPED,
        *own,
        *(word[:2] for word in own),
        *(f"{one} {other}" for one, other in itertools.pairwise(own)),
    ):
        for conversation in (None, PEERS[0], PEERS[3]):
            began = time.perf_counter()
            store.search.find(typed, conversation, PAGE)
            each_ms.append((time.perf_counter() - began) * 1e3)
    times_ms["a further query, median"], times_ms[FURTHER] = median(each_ms), max(each_ms)
    times_ms["memory for the search, MB"] = (psutil.Process().memory_info().rss - before) / 1e6
    _end(store, times_ms)


def _end(store: Store, times_ms: dict[str, float]) -> NoReturn:
    print(json.dumps(times_ms), flush=True)
    store.database.close()
    os._exit(0)  # nothing of the search is to be saved, so that every process finds the same


def _show(title: str, runs: list[dict[str, float]]) -> None:
    print(f"{title}; ms:")
    for what in runs[0]:
        values = [run[what] for run in runs]
        print(f"  {what:<30} median {median(values):7.2f}, slowest {max(values):7.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["open"]:
        _open(Path(sys.argv[2]), killed="killed" in sys.argv)
    else:
        measure(*map(int, sys.argv[1:]))
