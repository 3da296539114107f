"""What many small files cost: a folder of them downloaded whole, against copying and hashing the same files by hand.

    python -m tests.benchmarks.many_files [FILES] [FILE_BYTES] [ROUNDS]

Both put the files on the same disk. We sync them; by hand that is done once, at the end, and is counted apart. The two
take turns, and the ratios are of medians. Nothing is removed in between: where many files have just been, ext4 takes
several times as long to make new ones.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.measuring import Strain, Watched, download_s, linked, median, share, worst
from tests.processes import PeerProcess

FOLDERS = 100
BY_HAND, SYNCED, OURS = "by hand", "by hand, synced", "academics"


@dataclass(frozen=True, slots=True)
class ManyFiles:
    """Seconds by contender and round, seconds that sharing took, and what the downloading peer took beside."""

    files: int
    file_bytes: int
    seconds: dict[str, list[float]]
    share_s: float
    downloading: Strain

    def ratio(self, contender: str) -> float:
        """How many times as long as a contender we take."""
        return median(self.seconds[OURS]) / median(self.seconds[contender])

    def __str__(self) -> str:
        lines = [f"{self.files} files of {self.file_bytes} bytes, medians of {len(self.seconds[OURS])} rounds"]
        for contender, runs in self.seconds.items():
            each = ", ".join(f"{run_s:.2f}" for run_s in runs)
            compared = "" if contender == OURS else f"; we take {self.ratio(contender):.2f} times as long"
            lines.append(f"{contender:<15} {median(runs):6.2f} s  ({each}){compared}")
        return "\n".join([*lines, f"sharing took {self.share_s:.2f} s", f"downloading: {self.downloading}"])


def measure(files: int = 10_000, file_bytes: int = 10_000, rounds: int = 3) -> ManyFiles:
    """Run all."""
    seconds: dict[str, list[float]] = {BY_HAND: [], SYNCED: [], OURS: []}
    strains: list[Strain] = []
    with TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        source = _make_files(folder / "many files", files, file_bytes)
        holder = stack.enter_context(PeerProcess(folder / "holder", "holder"))
        reader = stack.enter_context(PeerProcess(folder / "reader", "reader"))
        linked(holder, reader)
        begun_s = time.perf_counter()
        resource = share(holder, source)
        share_s = time.perf_counter() - begun_s
        watched = Watched(reader)

        def by_hand(turn: int) -> None:
            copied_s, synced_s = _copy_and_hash_s(source, folder / f"copy {turn}")
            seconds[BY_HAND].append(copied_s)
            seconds[SYNCED].append(synced_s)

        def by_us(_turn: int) -> None:
            watched.begin()
            seconds[OURS].append(download_s(reader, resource, delete=False))
            strains.append(watched.strain())

        turns = [by_hand, by_us]
        for turn in range(rounds):
            for contender in turns if turn % 2 == 0 else turns[::-1]:
                os.sync()
                contender(turn)
    return ManyFiles(files, file_bytes, seconds, share_s, worst(strains))


def _make_files(folder: Path, files: int, file_bytes: int) -> Path:
    for number in range(files):
        path = folder / f"{number % FOLDERS:02}" / f"{number:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(file_bytes))
    os.sync()
    return folder


def _copy_and_hash_s(source: Path, target: Path) -> tuple[float, float]:
    begun_s = time.perf_counter()
    for path in source.rglob("*"):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
            continue
        content = path.read_bytes()
        hashlib.sha256(content).digest()
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    copied_s = time.perf_counter() - begun_s
    os.sync()
    return copied_s, time.perf_counter() - begun_s


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
