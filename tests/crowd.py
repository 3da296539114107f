"""Many peers in a few processes, for tests and benchmarks of large meshes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.processes import PeerProcess

UNTIL = """
async def until(condition):
    'When a condition on a peer has come true for every peer of this process, on the clock that all processes share.'
    for each in list(peers.values()):
        while not await condition(each):
            await asyncio.sleep(0.1)
    return time.monotonic()
"""


class Crowd:
    """The processes; `ids` are the peers' by profile."""

    def __init__(self, processes: Sequence[PeerProcess]) -> None:
        self.processes = list(processes)

    @property
    def ids(self) -> dict[str, str]:
        return {name: peer for process in self.processes for name, peer in process.ids.items()}

    def process_of(self, name: str) -> PeerProcess:
        return next(process for process in self.processes if name in process.ids)

    def open(self, each: int, *, first: int = 0, but: int = 0, **settings: Any) -> None:
        """Open `each` peers in every process, `but` fewer in the last, all at once.

        The third of the second process is `p01-02`, unless its peers are numbered from another `first`.
        """

        def begin(number: int) -> None:
            fewer = but if number == len(self.processes) - 1 else 0
            names = [f"p{number:02}-{count:02}" for count in range(first, first + each - fewer)]
            self.processes[number].open(*names, **settings)

        with ThreadPoolExecutor(len(self.processes)) as pool:
            list(pool.map(begin, range(len(self.processes))))

    def value(self, expression: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """What an expression of `each` is for every peer, by profile; it may await."""
        code = f"{{name: {expression} for name, each in peers.items()}}"
        answers = [process.ask(code) for process in self.processes]
        return {name: value for answer in answers for name, value in answer.result(timeout_s).items()}

    def until(self, condition: str, timeout_s: float) -> float:
        """Wait until a condition on `each` has come true for every peer; when that was, on `time.monotonic`'s clock.

        They are looked at one after the other, as all at once would keep the processes from everything else.
        """
        awaiting = f"async def wanted(each): return {condition}\nuntil_wanted = asyncio.create_task(until(wanted))"
        for process in self.processes:
            process.value(awaiting)
        answers = [process.ask(f"await asyncio.wait_for(until_wanted, {timeout_s})") for process in self.processes]
        return max(answer.result(timeout_s + 60) for answer in answers)

    def cpu_s(self) -> float:
        """The processor time that all processes have had."""
        return sum(cpu_s(process.pid) for process in self.processes)

    def resident_bytes(self) -> int:
        """The memory of all processes."""
        return sum(psutil.Process(process.pid).memory_info().rss for process in self.processes)


@contextmanager
def crowd(folder: Path, registry: str, processes: int, **environment: str) -> Iterator[Crowd]:
    """Processes around one registry, without peers yet."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(PeerProcess(folder / f"home-{number}", registry=registry, environment=environment))
            for number in range(processes)
        ]
        for process in made:
            process.value(UNTIL)
        yield Crowd(made)


def cpu_s(pid: int) -> float:
    """The processor time that a process has had."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def machine() -> str:
    """What figures hold for, and how busy it is otherwise."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
