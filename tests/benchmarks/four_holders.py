"""What more holders bring: one download from four of them, each on a line of its own speed, against one of them alone.

    python -m tests.benchmarks.four_holders [SIZE_MIB] [LINE_MIB_S] [ROUNDS]

Each holder is reached through a proxy that carries so many MiB a second and no more, as its line to the internet would.
The two take turns, and the ratio is of medians.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.measuring import LONG_S, MIB, download_s, linked, make_file, median, share
from tests.fault_proxy import FaultProxy
from tests.guarded import free_port
from tests.processes import PeerProcess

NAMES = ("first", "second", "third", "fourth")


@dataclass(frozen=True, slots=True)
class Holders:
    """Seconds of a download by how many holders it had, and by round."""

    size_mib: int
    line_mib_s: int
    seconds: dict[int, list[float]]

    @property
    def ratio(self) -> float:
        """How many times as fast all are as one."""
        return median(self.seconds[1]) / median(self.seconds[len(NAMES)])

    def __str__(self) -> str:
        lines = [f"{self.size_mib} MiB over lines of {self.line_mib_s} MiB/s, medians of {len(self.seconds[1])} rounds"]
        for count, runs in self.seconds.items():
            each = ", ".join(f"{run_s:.2f}" for run_s in runs)
            rate = self.size_mib / median(runs)
            lines.append(f"{count} of {len(NAMES)} holders {median(runs):6.2f} s  {rate:5.1f} MiB/s  ({each})")
        return "\n".join([*lines, f"{len(NAMES)} are {self.ratio:.2f} times as fast as one"])


def measure(size_mib: int = 128, line_mib_s: int = 10, rounds: int = 3) -> Holders:
    """Run all."""
    seconds: dict[int, list[float]] = {1: [], len(NAMES): []}
    with TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        reader = stack.enter_context(PeerProcess(folder / "reader", "reader"))
        holders = [_behind_a_line(stack, folder / name, line_mib_s * MIB) for name in NAMES]
        linked(reader, *holders)
        source = make_file(folder / "large.bin", size_mib * MIB)
        (resource,) = {share(holder, source) for holder in holders}
        for turn in range(2 * rounds):
            count = (1, len(NAMES))[(turn + turn // 2) % 2]
            _have_online(reader, holders, count)
            seconds[count].append(download_s(reader, resource))
        _have_online(reader, holders, len(holders))
    return Holders(size_mib, line_mib_s, seconds)


def _behind_a_line(stack: ExitStack, home: Path, bytes_per_s: int) -> PeerProcess:
    port = free_port()
    proxy = stack.enter_context(FaultProxy(("127.0.0.1", port)))
    proxy.carry(bytes_per_s=bytes_per_s)
    environment = {"ACADEMICS_PORT": str(port), "ACADEMICS_PUBLIC_URLS": f"https://{proxy.host}:{proxy.port}"}
    return stack.enter_context(PeerProcess(home, home.name, environment=environment))


def _have_online(reader: PeerProcess, holders: list[PeerProcess], count: int) -> None:
    for number, holder in enumerate(holders):
        holder.value("peer.start()" if number < count else "peer.stop()", LONG_S)
    reader.sees("peer.status().links", count)


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
