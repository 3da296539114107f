"""What a mesh of many peers costs: `python -m tests.benchmarks.mesh [PEERS] [PROCESSES]`.

Real peers in a few processes around one mongod, each linked with all others. Printed are the time and processor time
to come together, for all at once and for one who joins the rest; the memory of a link; what the mesh costs while nobody
does anything; how soon news is everywhere; and how soon a killed process is seen offline. 1.0 is what a bare connection
of python-socketio over aiohttp and TLS 1.3 costs in the same run, both ends together.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.crowd import Crowd, cpu_s, crowd, machine
from tests.mongod import RunningMongod, running_mongod
from tests.processes import PeerProcess

BARE_CONNECTIONS = 300
IDLE_S = 60.0
REST_S = 10.0
"""For what was begun to end."""
TIMEOUT_S = 400.0

BARE = """
import aiohttp, socketio
from aiohttp import web
from academics_jupyter.network.certificate import make_certificate

async def serve():
    server = socketio.AsyncServer(async_mode='aiohttp', transports=['websocket'])
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0, ssl_context=make_certificate().context)
    await site.start()
    return f'https://127.0.0.1:{runner.addresses[0][1]}'

async def dial(url):
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
    client = socketio.AsyncClient(handle_sigint=False, http_session=session)
    await client.connect(url, transports=['websocket'])
    return client

url = await serve()
kept = [await dial(url) for _ in range(20)]
"""

LISTEN = """
heard = {}
async def listen(name, events):
    async for event in events:
        if type(event).__name__ == 'ResourceShared':
            heard.setdefault(name, time.monotonic())
listening = [asyncio.create_task(listen(name, each.events())) for name, each in peers.items()]
"""


@dataclass(frozen=True)
class Bare:
    """One bare connection, both ends together."""

    cpu_s: float
    bytes: float


def main(peers: int, processes: int) -> None:
    """Run all, print as it goes."""
    print(f"{peers} peers in {processes} processes, {machine()}")
    bare = _bare()
    print(f"a bare connection     {bare.cpu_s * 1e3:6.1f} ms of a core, {bare.bytes / 1e3:.0f} kB; 1.0")
    apart = _apart(peers, processes)
    with (
        running_mongod() as mongod,
        tempfile.TemporaryDirectory(prefix="academics-benchmark-") as folder,
        crowd(Path(folder), mongod.uri, processes) as here,
    ):
        _comes_together(here, peers, bare)
        grown = (here.resident_bytes() - apart[0]) / (peers * (peers - 1) / 2 - apart[1])
        print(f"memory of a link      {grown / 2e3:6.0f} kB at each end; {grown / bare.bytes:.1f}")
        _idles(here, mongod)
        _tells(here)
        _loses_a_process(here)
    print(machine())


def _bare() -> Bare:
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as folder, PeerProcess(Path(folder)) as process:
        process.value(BARE)
        memory, used_s = _memory(process), cpu_s(process.pid)
        process.value(f"kept.extend([await dial(url) for _ in range({BARE_CONNECTIONS})])")
        used_s = cpu_s(process.pid) - used_s
        return Bare(used_s / BARE_CONNECTIONS, (_memory(process) - memory) / BARE_CONNECTIONS)


def _memory(process: PeerProcess) -> int:
    return Crowd([process]).resident_bytes()


def _apart(peers: int, processes: int) -> tuple[int, float]:
    """The memory of as many peers with hardly a link, and how many links there are."""
    with (
        tempfile.TemporaryDirectory(prefix="academics-benchmark-") as folder,
        running_mongod() as mongod,
        crowd(Path(folder), mongod.uri, processes) as here,
    ):
        here.open(peers // processes, max_links=1)
        here.until(f"len(each._context.store.peers.online()) == {peers - 1}", TIMEOUT_S)
        return here.resident_bytes(), sum(here.value("each.status().links").values()) / 2


def _comes_together(here: Crowd, peers: int, bare: Bare) -> None:
    each, last = peers // len(here.processes), here.processes[-1]
    begun_s, used_s = time.monotonic(), here.cpu_s()
    here.open(each, but=1)
    took_s = here.until(f"each.status().links == {peers - 2}", TIMEOUT_S) - begun_s
    print(f"{peers - 1} at once           {took_s:6.1f} s, {here.cpu_s() - used_s:.1f} s of a core")
    time.sleep(REST_S)
    begun_s, used_s = time.monotonic(), here.cpu_s()
    time.sleep(REST_S)
    idle = (here.cpu_s() - used_s) / (time.monotonic() - begun_s)
    begun_s, used_s = time.monotonic(), here.cpu_s()
    last.open("the-last")
    opened_s = time.monotonic() - begun_s
    took_s = here.until(f"each.status().links == {peers - 1}", TIMEOUT_S) - begun_s
    time.sleep(REST_S)
    spent_s = here.cpu_s() - used_s - idle * (time.monotonic() - begun_s)
    link_s = spent_s / (peers - 1)
    print(f"the last one joins    {took_s:6.1f} s, {opened_s:.1f} s of it until start() returns")
    print(f"                      {spent_s:6.1f} s of a core, {1e3 * link_s:.0f} ms a link; {link_s / bare.cpu_s:.1f}")


def _idles(here: Crowd, mongod: RunningMongod) -> None:
    begun_s, used_s, mongod_s = time.monotonic(), here.cpu_s(), cpu_s(mongod.pid)
    time.sleep(IDLE_S)
    for_s = time.monotonic() - begun_s
    own = (here.cpu_s() - used_s) / for_s / len(here.ids)
    registry = (cpu_s(mongod.pid) - mongod_s) / for_s
    print(f"idle                  {100 * own:6.2f} % of a core for each peer, {100 * registry:.2f} % for mongod")


def _tells(here: Crowd) -> None:
    """News reaches everybody."""
    for process in here.processes:
        process.value(LISTEN)
    sharer, process = "p00-00", here.processes[0]
    with tempfile.TemporaryDirectory() as folder:
        paper = Path(folder, "paper.txt")
        paper.write_text("What is new\n")
        shared_s = process.value(f"(await peers['{sharer}'].share('{paper}')) and time.monotonic()")
    for each in here.processes:
        each.sees("len(heard) == len(peers)", timeout_s=60)
    heard_s = sorted(at_s - shared_s for each in here.processes for at_s in each.value("list(heard.values())"))
    print(f"news                  {heard_s[len(heard_s) // 2]:6.2f} s to half of them, {heard_s[-1]:.2f} s to all")


def _loses_a_process(here: Crowd) -> None:
    lost = here.processes.pop()
    begun_s = time.monotonic()
    lost.kill()
    took_s = here.until(f"len(each._context.store.peers.online()) == {len(here.ids) - 1}", TIMEOUT_S) - begun_s
    print(f"a killed process      {took_s:6.1f} s until its {len(lost.ids)} peers are offline for all others")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given + [60, 4][len(given) :]))
