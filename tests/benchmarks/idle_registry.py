"""What idle peers cost the registry: `python -m tests.benchmarks.idle_registry [PEERS] [PROCESSES] [SECONDS]`.

Real peers with few links each, in a few processes around one mongod. Once all are online and settled, prints what
mongod needs for them: processor time as a share of one core, connections, memory, operations and bytes a second; and
what a peer itself needs. The share is to stay under 10 % of a core for 300 peers.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from pymongo import MongoClient

from tests.crowd import Crowd, cpu_s, crowd, machine
from tests.mongod import RunningMongod, running_mongod

MAX_LINKS = 8
SETTLE_S = 60.0
AT_ONCE = 5
"""How many peers of each process start at the same time."""


def main(peers: int, processes: int, seconds: float) -> None:
    """Bring all online, wait, measure, print."""
    with (
        tempfile.TemporaryDirectory(prefix="academics-benchmark-") as folder,
        running_mongod() as mongod,
        crowd(Path(folder), mongod.uri, processes) as here,
    ):
        print(f"{peers} peers in {processes} processes; {machine()}")
        empty = Sample(mongod, here)
        _start(here, peers // processes)
        settled = here.until(f"len(each._context.store.peers.online()) == {len(here.ids) - 1}", 600)
        time.sleep(SETTLE_S)
        links = here.value("each.status().links").values()
        print(f"all online, {min(links)} to {max(links)} links each; settled for {time.monotonic() - settled:.0f} s")
        before = Sample(mongod, here)
        time.sleep(seconds)
        after = Sample(mongod, here)
        _show(empty, before, after, len(here.ids))


def _start(here: Crowd, each: int) -> None:
    for first in range(0, each, AT_ONCE):
        here.open(min(AT_ONCE, each - first), first=first, max_links=MAX_LINKS)


class Sample:
    """What mongod and the peers have used so far."""

    def __init__(self, mongod: RunningMongod, here: Crowd) -> None:
        with MongoClient[dict[str, Any]](mongod.uri) as client:
            status = client.admin.command("serverStatus")
        self.at_s = time.monotonic()
        self.mongod_cpu_s, self.peers_cpu_s = cpu_s(mongod.pid), here.cpu_s()
        self.mongod_bytes = psutil.Process(mongod.pid).memory_info().rss
        self.peers_bytes = here.resident_bytes()
        self.connections = status["connections"]["current"]
        commands = status["metrics"]["commands"]
        self.counts = {
            "reads": status["opcounters"]["query"] + commands["aggregate"]["total"],
            "writes": status["opcounters"]["update"] + status["opcounters"]["insert"],
            "hellos": commands["hello"]["total"] + commands.get("isMaster", {}).get("total", 0),
            "documents returned": status["metrics"]["document"]["returned"],
            "documents scanned": status["metrics"]["queryExecutor"]["scannedObjects"],
            "kB sent": status["network"]["bytesOut"] / 1000,
        }


def _show(empty: Sample, before: Sample, after: Sample, peers: int) -> None:
    for_s = after.at_s - before.at_s
    share = (after.mongod_cpu_s - before.mongod_cpu_s) / for_s
    own = (after.peers_cpu_s - before.peers_cpu_s) / for_s / peers
    print(f"mongod          {100 * share:6.2f} % of a core over {for_s:.0f} s, {1e6 * share / peers:.0f} µs/s a peer")
    grown = after.mongod_bytes - empty.mongod_bytes
    print(f"mongod's memory {after.mongod_bytes / 1e6:6.0f} MB, {grown / peers / 1e3:.0f} kB more for each peer")
    connections = after.connections - empty.connections
    print(f"connections     {connections:6} ({connections / peers:.1f} for each peer)")
    for name, count in after.counts.items():
        rate = (count - before.counts[name]) / for_s
        print(f"{name:<20} {rate:8.1f} a second, {rate / peers:.3f} a peer")
    grown = after.peers_bytes - empty.peers_bytes
    print(f"a peer          {100 * own:6.2f} % of a core, {grown / peers / 1e6:.1f} MB")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given + [300, 6, 120][len(given) :]))
