"""How long a peer takes to move: `python -m tests.benchmarks.handover [MOVES]`.

A kernel detaches and attaches its peer again and again, while a colleague's kernel watches the link with it. Prints how
long the magics take, and how long the colleague is without a link; then, where the driver is killed, how long it takes
until another process of the profile drives, and until the colleague is linked with it. All as median and maximum.
"""

from __future__ import annotations

import ast
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.kernels import running_kernel
from tests.processes import PeerProcess

MOVES = 5
WATCH = """
import asyncio, time
gaps, since = [], None
async def watch():
    global since
    while True:
        linked = academics.current().status().links > 0
        if not linked and since is None:
            since = time.monotonic()
        if linked and since is not None:
            gaps.append(time.monotonic() - since)
            since = None
        await asyncio.sleep(0.01)
watching = asyncio.create_task(watch())
"""


def main(moves: int) -> None:
    """Move, and print."""
    with tempfile.TemporaryDirectory() as folder:
        common = os.environ | {"XDG_DATA_HOME": f"{folder}/data"}
        homes = [common | {"ACADEMICS_HOME": str(Path(folder, name))} for name in ("mover", "watcher")]
        with running_kernel(homes[0]) as mover, running_kernel(homes[1]) as watcher:
            for kernel, name in ((mover, "mover"), (watcher, "watcher")):
                kernel.run(f"%load_ext academics\nimport academics\n%register --name {name}")
            watcher.run("import asyncio\nwhile not academics.current().status().links: await asyncio.sleep(0.1)")
            watcher.run(WATCH)
            spent_s: dict[str, list[float]] = {"detach": [], "attach": []}
            for _ in range(moves):
                for move, spent in spent_s.items():
                    begun_s = time.monotonic()
                    mover.run(f"%academics {move}")
                    spent.append(time.monotonic() - begun_s)
                    watcher.run("while since is not None: await asyncio.sleep(0.05)")
            gaps_s = ast.literal_eval(watcher.run("print(gaps)").text)
            for move, spent in spent_s.items():
                print(f"{move:8} {_summary(spent)}")
            print(f"no link  {_summary(gaps_s)}, {len(gaps_s)} gaps")
        _kill(Path(folder), moves)


def _kill(folder: Path, kills: int) -> None:
    """Kill the driver again and again, the one that stood by having become it."""
    taken_over_s, linked_s = [], []
    with PeerProcess(folder / "colleague", "colleague") as colleague, ExitStack() as stack:
        driver = stack.enter_context(PeerProcess(folder / "killed", "killed"))
        for _ in range(kills):
            passenger = stack.enter_context(PeerProcess(folder / "killed", "killed"))
            colleague.sees("peer.status().links", 1)
            driver.kill()
            begun_s = time.monotonic()
            colleague.sees("peer.status().links", 0)
            passenger.sees("peer.is_driver")
            taken_over_s.append(time.monotonic() - begun_s)
            colleague.sees("peer.status().links", 1)
            linked_s.append(time.monotonic() - begun_s)
            driver = passenger
    print(f"killed   {_summary(taken_over_s)} until another drives")
    print(f"         {_summary(linked_s)} until linked with it")


def _summary(figures_s: list[float]) -> str:
    return f"median {statistics.median(figures_s):.2f} s, at most {max(figures_s):.2f} s"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MOVES)
