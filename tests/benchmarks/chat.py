"""How soon a message is with its readers.

    python -m tests.benchmarks.chat [MESSAGES] [MEMBERS]

One to one: from the call that writes a message until its author knows that it is on its reader's disk, held against a
bare python-socketio echo over TLS 1.3 between two processes, which signs, checks and keeps nothing; beside it a link's
own round trip, and what the disk takes for a single write that lasts. In a room: from the call until each
of the other members has been told of it, after it is on their disks; the members are spread over a few processes.
"""

from __future__ import annotations

import asyncio
import os
import platform
import ssl
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.measuring import LONG_S
from tests.guarded import GuardedProcess, free_port
from tests.lab import Lab, meet
from tests.mongod import running_mongod
from tests.processes import PeerProcess
from tests.waiting import wait_until

PROCESSES = 5
ROUNDS = 3
PAUSE_S = 0.5
"""Between two messages to a room, as when people write."""

ECHO_SERVER = """
import asyncio, ssl, sys
import socketio
from aiohttp import web
from academics_jupyter.network.certificate import make_certificate
sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])
sio.on("echo", lambda sid, data: data)
app = web.Application()
sio.attach(app)
certificate = make_certificate()
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), ssl_context=certificate.context, print=None)
"""

ECHO = """
import ssl, aiohttp, socketio
async def echo(port, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    took_ms = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        sio = socketio.AsyncClient(http_session=session, handle_sigint=False)
        await sio.connect(f"https://127.0.0.1:{port}", transports=["websocket"])
        for number in range(count):
            begun = time.perf_counter()
            await sio.call("echo", {"text": f"message {number}, a sentence of an ordinary length for a chat"})
            took_ms.append((time.perf_counter() - begun) * 1000)
        await sio.disconnect()
    return took_ms
"""

ONE_TO_ONE = """
from academics_jupyter.peer.events import MessageDelivered
from academics_jupyter.protocol.wire import Done, Ping
async def pings(to, count):
    took_ms = []
    for _ in range(count):
        begun = time.perf_counter()
        await peer._engine.mesh.links[to].call("ping", Ping(), Done)
        took_ms.append((time.perf_counter() - begun) * 1000)
    return took_ms

def writes(count):
    took_ms = []
    with open(peer._context.folder.path / "written", "wb", buffering=0) as file:
        for _ in range(count):
            begun = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took_ms.append((time.perf_counter() - begun) * 1000)
    return took_ms

async def talk(to, count):
    took_ms = []
    events = peer.events()
    for number in range(count):
        begun = time.perf_counter()
        sent = await peer.chatting.send(to, f"message {number}, a sentence of an ordinary length for a chat")
        async for event in events:
            if isinstance(event, MessageDelivered) and event.id == sent.id:
                break
        took_ms.append((time.perf_counter() - begun) * 1000)
    return took_ms
"""

MEMBER = """
from academics_jupyter.peer.events import MessageReceived
async def watch(one, heard):
    async for event in one.events():
        if isinstance(event, MessageReceived):
            heard[event.id] = time.time()
heard = {name: {} for name in peers}
watching = [asyncio.create_task(watch(one, heard[name])) for name, one in peers.items()]
"""


def main(messages: int, members: int) -> None:
    """Run all and print the figures."""
    print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}; round trips in ms")
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        lab = Lab(Path(name), stack.enter_context(running_mongod()), stack)
        _one_to_one(lab, messages)
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        lab = Lab(Path(name), stack.enter_context(running_mongod()), stack)
        _room(lab, Path(name), stack, messages, members)


def _one_to_one(lab: Lab, messages: int) -> None:
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    ada.value(ECHO)
    ada.value(ONE_TO_ONE)
    port = free_port()
    ratios = []
    server = GuardedProcess([sys.executable, "-c", ECHO_SERVER, str(port)])
    try:
        wait_until(lambda: asyncio.run(_accepts(port)), what="the echo server")
        ada.ask(f"talk({grace.ids['grace']!r}, {messages})").result(LONG_S)
        for _ in range(ROUNDS):
            echo = ada.ask(f"echo({port}, {messages})").result(LONG_S)
            ours = ada.ask(f"talk({grace.ids['grace']!r}, {messages})").result(LONG_S)
            pings = ada.ask(f"pings({grace.ids['grace']!r}, {min(messages, 50)})").result(LONG_S)
            writes = ada.ask(f"writes({messages})").result(LONG_S)
            ratios.append([statistics.median(each) / statistics.median(echo) for each in (ours, pings, writes)])
            print(f"  bare echo {_spread(echo)}; message {_spread(ours)}", flush=True)
            print(f"  link {_spread(pings)}; write {_spread(writes)}", flush=True)
    finally:
        server.kill()
    of_all = [f"{statistics.median(each):.2f}" for each in zip(*ratios, strict=True)]
    print(f"p50, as times a bare echo's: a message {of_all[0]}, a link {of_all[1]}, one write that lasts {of_all[2]}")


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ssl._create_unverified_context())
    except OSError:
        return False
    writer.close()
    return True


def _room(lab: Lab, folder: Path, stack: ExitStack, messages: int, members: int) -> None:
    host = lab.enter("host")
    processes = []
    names = [f"member-{number:02}" for number in range(members - 1)]
    for place in range(PROCESSES):
        process = PeerProcess(folder / f"process-{place}", registry=lab.registry)
        processes.append(stack.enter_context(process))
        process.open(*names[place::PROCESSES])
    people = [peer for process in processes for peer in process.ids.values()]
    wait_until(lambda: len(host.value("list(peer._engine.mesh.links)")) == len(people), 120, "all links")
    room = host.value(f"(await peer.rooms.create('reading', {people!r})).room")
    for process in processes:
        process.sees("[len(await one.rooms.all()) for one in peers.values()]", [1] * len(process.ids), 60)
        process.value(f"asyncio.gather(*(one.rooms.accept({room!r}) for one in peers.values()))")
    for process in processes:
        process.sees(
            f"[len((await one.rooms.get({room!r})).facts.members) for one in peers.values()]",
            [members] * len(process.ids),
            120,
        )
        process.value(MEMBER)
    took_ms = []
    for number in range(messages):
        time.sleep(PAUSE_S)
        began_s, sent = host.value(
            f"(time.time(), (await peer.chatting.send({room!r}, 'message {number} to all, of an ordinary length')).id)"
        )
        for process in processes:
            process.sees(f"all({sent!r} in each for each in heard.values())", True, 60)
            took_ms += [
                (at_s - began_s) * 1000 for at_s in process.value(f"[each[{sent!r}] for each in heard.values()]")
            ]
    print(f"a room of {members}, {len(took_ms)} deliveries: {_spread(took_ms)}")


def _spread(times_ms: list[float]) -> str:
    ordered = sorted(times_ms)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return f"p50 {statistics.median(ordered):.1f}, p99 {p99:.1f}, most {ordered[-1]:.1f}"


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:] or ("100", "30")))
