"""What the benchmarks of transfers share: files to send, and peers whose memory and event loop are watched."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.processes import PeerProcess

MIB = 1 << 20
LONG_S = 3_600.0

_PROBE = """
from contextlib import suppress
late_ms = []

async def probe():
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.005)
        late_ms.append((time.perf_counter() - begun) * 1000 - 5)

def memory_mib(of):
    # Together with the process that verifies, if there is one; what the two share is counted twice.
    mine = [str(os.getpid())]
    for folder in Path('/proc').glob('[0-9]*'):
        with suppress(OSError):
            if b'store.verifier' in (folder / 'cmdline').read_bytes() and is_child(folder):
                mine.append(folder.name)
    return sum(one_mib(of, each) for each in mine)

def is_child(folder):
    return folder.joinpath('stat').read_text().rpartition(')')[2].split()[1] == str(os.getpid())

def one_mib(of, process):
    for line in Path(f'/proc/{process}/status').read_text().splitlines():
        if line.startswith(of + ':'):
            return int(line.split()[1]) / 1024

probing = asyncio.create_task(probe())
"""


@dataclass(frozen=True, slots=True)
class Strain:
    """What work cost a process beside the time: its peak memory above idle, and how late its event loop was."""

    memory_mib: float
    late_p99_ms: float
    late_most_ms: float

    def __str__(self) -> str:
        late = f"p99 {self.late_p99_ms:.1f} ms, most {self.late_most_ms:.1f} ms"
        return f"{self.memory_mib:6.1f} MiB above idle, loop late by {late}"


class Watched:
    """Looks into a peer's process from now on, while that is idle."""

    def __init__(self, process: PeerProcess) -> None:
        self.process = process
        process.value(_PROBE)
        self._idle_mib = float(process.value("memory_mib('VmRSS')"))

    def begin(self) -> None:
        """Forget what was before."""
        self.process.value("Path('/proc/self/clear_refs').write_text('5')\nlate_ms.clear()")

    def strain(self) -> Strain:
        """What the time since `begin` cost."""
        late_ms = sorted(self.process.value("late_ms"))
        peak_mib = float(self.process.value("memory_mib('VmHWM')"))
        return Strain(peak_mib - self._idle_mib, late_ms[int(len(late_ms) * 0.99)], late_ms[-1])


def worst(strains: Sequence[Strain]) -> Strain:
    """The most that any of several runs cost."""
    return Strain(
        max(each.memory_mib for each in strains),
        max(each.late_p99_ms for each in strains),
        max(each.late_most_ms for each in strains),
    )


def make_file(path: Path, size_bytes: int) -> Path:
    """A synced file of random bytes."""
    with path.open("wb") as file:
        for start in range(0, size_bytes, MIB):
            file.write(os.urandom(min(MIB, size_bytes - start)))
        file.flush()
        os.fsync(file.fileno())
    return path


def linked(*processes: PeerProcess) -> None:
    """Wait until all have links with all."""
    for process in processes:
        process.sees("peer.status().links", len(processes) - 1)


def share(process: PeerProcess, path: Path) -> str:
    """Share a file or folder; its id, once the registry has it."""
    resource = str(process.value(f"(await peer.share({str(path)!r})).id", LONG_S))
    process.value("peer.flushed()")
    return resource


def download_s(process: PeerProcess, resource: str, *, delete: bool = True) -> float:
    """How long a download took, which is held no more afterwards, and removed from the disk with `delete`."""
    process.value(
        f"begun_s = time.perf_counter()\nawait peer.download({resource!r})\nended_s = time.perf_counter()", LONG_S
    )
    process.value(f"peer.unshare({resource!r}, delete={delete})")
    process.value("peer.flushed()")
    return float(process.value("ended_s - begun_s"))


def median(runs: Sequence[float]) -> float:
    """The run in the middle."""
    return statistics.median(runs)
