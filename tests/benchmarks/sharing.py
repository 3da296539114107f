"""How fast a large file is hashed and shared, against doing it by hand in the same run.

    python -m tests.benchmarks.sharing [SIZE_MIB] [ROUNDS]

Hashing (`store.hashing.hash_file`: the hash tree and the plain SHA-256) is held against one `hashlib.sha256` pass over
the same file; sharing (`Peer.share`) against a copy that is hashed by SHA-256 on its way and synced. The contenders
take turns, and printed are the medians; 1.0 is as fast as by hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from academics_jupyter.peer.peer import Peer, open_peer
from academics_jupyter.store.hashing import hash_file
from tests.benchmarks.measuring import MIB, make_file


async def main(size_mib: int, rounds: int) -> None:
    """Run all and print the table."""
    print(f"{size_mib} MiB, {rounds} rounds, {os.cpu_count()} cores, {platform.processor() or platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        source = folder / "large.bin"
        make_file(source, size_mib * MIB)
        _compare("hash", [(_timed(_hash_by_hand, source), _timed(_hash, source)) for _ in range(rounds)], size_mib)
        async with open_peer(home=folder / "sharer") as peer:
            await peer.register("sharer")
            shares = [(_timed(_copy_by_hand, source), await _share(peer, source)) for _ in range(rounds)]
        _compare("share", shares, size_mib)


def _compare(what: str, times_s: list[tuple[float, float]], size_mib: int) -> None:
    by_hand_s, ours_s = (median(each) for each in zip(*times_s, strict=True))
    ratio = median(by_hand / ours for by_hand, ours in times_s)
    speeds = [size_mib * MIB / took_s / 1e6 for took_s in (by_hand_s, ours_s)]
    print(f"{what:<6} by hand {speeds[0]:5.0f} MB/s, ours {speeds[1]:5.0f} MB/s, ratio {ratio:4.2f}", flush=True)


def _timed(work: Callable[[Path], None], source: Path) -> float:
    began = time.perf_counter()
    work(source)
    return time.perf_counter() - began


def _hash_by_hand(source: Path) -> None:
    digest, buffer = hashlib.sha256(), bytearray(MIB)
    with source.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(memoryview(buffer)[:count])


def _hash(source: Path) -> None:
    with source.open("rb") as file:
        hash_file(file, source.stat().st_size)


def _copy_by_hand(source: Path) -> None:
    digest, buffer = hashlib.sha256(), bytearray(MIB)
    target = source.with_suffix(".copy")
    with source.open("rb", buffering=0) as reading, target.open("wb") as writing:
        while count := reading.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
            writing.write(memoryview(buffer)[:count])
        writing.flush()
        os.fsync(writing.fileno())
    target.unlink()


async def _share(peer: Peer, source: Path) -> float:
    began = time.perf_counter()
    resource = await peer.share(source)
    took_s = time.perf_counter() - began
    await peer.unshare(resource.id, delete=True)
    return took_s


if __name__ == "__main__":
    asyncio.run(main(*map(int, (sys.argv[1:] + ["1024", "5"][len(sys.argv) - 1 :]))))
