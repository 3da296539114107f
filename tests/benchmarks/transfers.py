"""How fast one holder's file comes, against curl from nginx and against BitTorrent, in one run over loopback.

    python -m tests.benchmarks.transfers [SIZE_MIB] [ROUNDS]

All send the same file of the holder's repository to the same disk. The contenders take turns, what they wrote is
removed in between, and the ratios are of medians. What the peers' processes took beside is printed too, and again for a
file of twice the size: how late their event loops were, and how far their memory rose above idle.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.bittorrent import BitTorrentProcess
from tests.benchmarks.measuring import (
    MIB,
    Strain,
    Watched,
    download_s,
    linked,
    make_file,
    median,
    share,
    worst,
)
from tests.benchmarks.nginx import TOOLS, Nginx, tool
from tests.processes import PeerProcess

UTP_SHARE = 16
"""uTP is tried with a part of the file, for on loopback it takes minutes for a gigabyte."""
CURL, SYNCED, OURS, BITTORRENT = "curl", "curl and fsync", "academics", "libtorrent"


@dataclass(frozen=True, slots=True)
class Transfers:
    """Seconds by contender and round; by MiB, what the downloading and the serving peer took beside the time."""

    size_mib: int
    seconds: dict[str, list[float]]
    utp_mib_s: float
    """What libtorrent carries where it chooses the transport."""
    downloading: dict[int, Strain]
    serving: dict[int, Strain]

    def ratio(self, contender: str) -> float:
        """How many times as fast as a contender we are."""
        return median(self.seconds[contender]) / median(self.seconds[OURS])

    @property
    def utp_ratio(self) -> float:
        """How many times as fast as libtorrent we are, where that chooses the transport."""
        return self.size_mib / median(self.seconds[OURS]) / self.utp_mib_s

    def __str__(self) -> str:
        lines = [f"{self.size_mib} MiB, medians of {len(self.seconds[OURS])} rounds"]
        for contender, runs in self.seconds.items():
            each = ", ".join(f"{run_s:.2f}" for run_s in runs)
            rate = self.size_mib / median(runs)
            compared = "" if contender == OURS else f"; we are {self.ratio(contender):.2f} times as fast"
            lines.append(f"{contender:<15} {median(runs):6.2f} s  {rate:6.0f} MiB/s  ({each}){compared}")
        compared = f"we are {self.utp_ratio:.0f} times as fast"
        lines.append(f"{BITTORRENT}, uTP           {self.utp_mib_s:6.1f} MiB/s; {compared}")
        for what, strains in (("downloading", self.downloading), ("serving", self.serving)):
            lines += [f"{what:<12} {size_mib:5} MiB: {strain}" for size_mib, strain in strains.items()]
        return "\n".join(lines)


def measure(size_mib: int = 1024, rounds: int = 3) -> Transfers:
    """Run all."""
    for name in TOOLS:
        tool(name)
    with TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        holder = stack.enter_context(PeerProcess(folder / "holder", "holder"))
        reader = stack.enter_context(PeerProcess(folder / "reader", "reader"))
        linked(holder, reader)
        pair = _Pair(folder, Watched(holder), Watched(reader))
        seconds = _race(folder, pair, size_mib, rounds)
        utp_mib_s = _by_utp(folder, pair, max(1, size_mib // UTP_SHARE))
        pair.carry(2 * size_mib)
        return Transfers(size_mib, seconds, utp_mib_s, pair.downloading, pair.serving)


class _Pair:
    """A holder and a reader."""

    def __init__(self, folder: Path, holder: Watched, reader: Watched) -> None:
        self.holder, self.reader = holder, reader
        self.downloading: dict[int, Strain] = {}
        self.serving: dict[int, Strain] = {}
        self._folder = folder

    def share(self, size_mib: int) -> str:
        source = make_file(self._folder / f"{size_mib}.bin", size_mib * MIB)
        resource = share(self.holder.process, source)
        source.unlink()
        return resource

    @property
    def repository(self) -> Path:
        return self._folder / "holder" / "profiles" / "holder" / "repository"

    def torrent(self, resource: str) -> Path:
        target = str(self._folder / resource)
        return Path(self.holder.process.value(f"peer.export_torrent({resource!r}, {target!r})"))

    def download_s(self, resource: str, size_mib: int) -> float:
        for watched in (self.holder, self.reader):
            watched.begin()
        took_s = download_s(self.reader.process, resource)
        for watched, strains in ((self.holder, self.serving), (self.reader, self.downloading)):
            known = [strains[size_mib]] if size_mib in strains else []
            strains[size_mib] = worst([*known, watched.strain()])
        return took_s

    def carry(self, size_mib: int) -> None:
        """Another file, once."""
        self.download_s(self.share(size_mib), size_mib)


def _race(folder: Path, pair: _Pair, size_mib: int, rounds: int) -> dict[str, list[float]]:
    resource = pair.share(size_mib)
    torrent, repository = pair.torrent(resource), pair.repository
    seconds: dict[str, list[float]] = {contender: [] for contender in (CURL, SYNCED, OURS, BITTORRENT)}
    server = folder / "nginx"
    server.mkdir()
    with Nginx(server, repository) as nginx, BitTorrentProcess(torrent, repository) as seed:

        def by_curl() -> None:
            fetched_s, synced_s = nginx.fetch_s(f"{size_mib}.bin", folder / "curl")
            seconds[CURL].append(fetched_s)
            seconds[SYNCED].append(synced_s)
            (folder / "curl").unlink()

        def by_us() -> None:
            seconds[OURS].append(pair.download_s(resource, size_mib))

        def by_bittorrent() -> None:
            with TemporaryDirectory(dir=folder) as leech, BitTorrentProcess(torrent, Path(leech)) as client:
                seconds[BITTORRENT].append(client.fetch_s(seed.port))

        turns = [by_curl, by_us, by_bittorrent]
        for turn in range(rounds):
            for contender in turns[turn % len(turns) :] + turns[: turn % len(turns)]:
                # Nobody pays for what the one before has left to be written, or for memory that a host takes back.
                os.sync()
                _touch(size_mib + size_mib // 2)
                contender()
    return seconds


def _by_utp(folder: Path, pair: _Pair, size_mib: int) -> float:
    torrent = pair.torrent(pair.share(size_mib))
    with (
        BitTorrentProcess(torrent, pair.repository, "any") as seed,
        TemporaryDirectory(dir=folder) as leech,
        BitTorrentProcess(torrent, Path(leech), "any") as client,
    ):
        return size_mib / client.fetch_s(seed.port)


def _touch(size_mib: int) -> None:
    """Use memory once: the host of a virtual machine takes back what is free, and gives it again slowly."""
    memory = bytearray(size_mib * MIB)
    memory[:: 4 << 10] = b"1" * len(memory[:: 4 << 10])


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
