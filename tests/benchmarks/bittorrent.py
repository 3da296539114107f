"""A BitTorrent client in a process of its own: `python -m tests.benchmarks.bittorrent TORRENT FOLDER WAY` runs in it.

WAY is `tcp`, or `any` for libtorrent's own choice, which is uTP.

It prints its port once it has checked what the folder has. A line on its standard input is a port to fetch from, and is
answered with the seconds which that took. It ends with its standard input.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.measuring import LONG_S
from tests.bittorrent import BitTorrentClient
from tests.guarded import GuardedProcess


class BitTorrentProcess:
    """Such a process, for as long as its context lasts."""

    def __init__(self, torrent: Path, folder: Path, way: str = "tcp") -> None:
        self._process = GuardedProcess([sys.executable, "-m", __name__, str(torrent), str(folder), way], piped=True)
        self.port = int(self._answer())

    def fetch_s(self, port: int) -> float:
        """How long it takes to get all from another client."""
        self._process.stdin.write(f"{port}\n".encode())
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> bytes:
        line = self._process.stdout.readline()
        assert line, f"the BitTorrent client ended:\n{self._process.log()}"
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        self._process.wait(LONG_S)
        self._process.stdout.close()


def main(torrent: Path, folder: Path, way: str) -> None:
    """Seed, and fetch where told to, until standard input is closed."""
    with BitTorrentClient(torrent.read_bytes(), folder, tcp_only=way == "tcp") as client:
        print(client.port, flush=True)
        for line in sys.stdin:
            begun_s = time.perf_counter()
            client.fetch_from(int(line), LONG_S)
            print(time.perf_counter() - begun_s, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
