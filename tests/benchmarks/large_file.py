"""What a large file costs: sharing and downloading it, against copying and hashing it by hand in the same run.

    python -m tests.benchmarks.large_file [SIZE_MIB]

Two peers in two processes, over loopback, each with its own repository on the same disk. Printed are ratios (1.0 is as
fast as by hand) and how long the event loop of the working peer was held up meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from academics_jupyter.peer.peer import open_peer

T = TypeVar("T")
CHUNK_BYTES = 1 << 20
PROBE_S = 0.002


async def main(size_mib: int) -> None:
    """Run all and print the table."""
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        source = folder / "large.bin"
        _make(source, size_mib)
        by_hand_s = await asyncio.to_thread(_copy_and_hash, source, folder / "copy.bin")
        (folder / "copy.bin").unlink()
        print(f"{size_mib} MiB on {platform.processor() or platform.machine()}, {os.cpu_count()} cores")
        print(f"by hand   {by_hand_s:6.2f} s  1.00")
        await _share_and_download(folder, source, by_hand_s)


async def _share_and_download(folder: Path, source: Path, by_hand_s: float) -> None:
    async with open_peer(home=folder / "sharer") as sharer:
        await sharer.register("sharer")
        resource, share_s, share_lag = await _timed(sharer.share(source))
        _show("share", share_s, by_hand_s, share_lag)
    source.unlink()
    serving = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "academics_jupyter.command_line", "serve",
        env=os.environ | {"ACADEMICS_HOME": str(folder / "sharer")}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with open_peer(home=folder / "reader") as reader:
            await reader.register("reader")
            await reader.start()
            while not (await reader.explore(available=True)).size:
                await asyncio.sleep(PROBE_S)
            _, download_s, download_lag = await _timed(reader.download(resource.id))
            _show("download", download_s, by_hand_s, download_lag)
    finally:
        serving.terminate()
        await serving.wait()


def _show(what: str, took_s: float, by_hand_s: float, lags_s: list[float]) -> None:
    lags_s.sort()
    late = f"p99 {lags_s[int(len(lags_s) * 0.99)] * 1000:.1f} ms, most {lags_s[-1] * 1000:.1f} ms"
    print(f"{what:<9} {took_s:6.2f} s  {by_hand_s / took_s:4.2f}  loop late by {late}")


async def _timed(work: Awaitable[T]) -> tuple[T, float, list[float]]:
    """The result, the seconds it took, and how late a timer on the loop was meanwhile."""
    lags_s: list[float] = []
    probing = asyncio.create_task(_probe(lags_s))
    began = time.perf_counter()
    result = await work
    took_s = time.perf_counter() - began
    probing.cancel()
    return result, took_s, lags_s


async def _probe(lags_s: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(PROBE_S)
        lags_s.append(time.perf_counter() - before - PROBE_S)


def _make(path: Path, size_mib: int) -> None:
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(CHUNK_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _copy_and_hash(source: Path, target: Path) -> float:
    began = time.perf_counter()
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024))
