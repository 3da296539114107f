"""How soon a message to a room is with all its members: `python -m tests.benchmarks.room [MESSAGES] [MEMBERS]`.

From the call that writes a message until each of the other members has been told of it, after it is on their disks;
the members are spread over a few processes, which are there for them alone as the side panel's kernel is. Held against
a bare python-socketio server over TLS 1.3 with a client beside each member, in the same processes, taken in turns: it
signs a message and writes a page to disk before it sends, and each client checks the signature and writes one.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.lab import Lab
from tests.mongod import running_mongod
from tests.processes import PeerProcess
from tests.waiting import wait_until

PROCESSES = 5
PAUSE_S = 0.5
"""Between two messages, as when people write; only then is it asked who has them, which takes a core."""

FLOOR, OURS = "a bare server that keeps", "academics"

ALONE = """
from academics_jupyter.peer.collecting import spare_what_lives
spare_what_lives()
"""

SERVER = """
import socketio
from aiohttp import web
from nacl.signing import SigningKey
from academics_jupyter.network.certificate import make_certificate
from tests.benchmarks.keeping import opened, sign_and_write
key, written = SigningKey.generate(), opened(peer._context.folder.path / "written")
told_to, telling = [], set()
sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])
sio.on("connect", lambda sid, environ: told_to.append(sid))

async def serve():
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=make_certificate().context).start()
    return runner.addresses[0][1]

async def tell(text):
    data = await asyncio.to_thread(sign_and_write, key, written, text)
    for sid in told_to:
        task = asyncio.create_task(sio.emit("told", data, to=sid, callback=lambda *_: None))
        telling.add(task)
        task.add_done_callback(telling.discard)
    return text
"""

CLIENTS = """
import ssl, aiohttp, socketio
from functools import partial
from tests.benchmarks.keeping import check_and_write, opened
heard_bare, clients = {name: {} for name in peers}, []

async def listen(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, one in peers.items():
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        sio = socketio.AsyncClient(http_session=session, handle_sigint=False)
        written = opened(one._context.folder.path / "written")
        sio.on("told", partial(told, heard_bare[name], written))
        await sio.connect(f"https://127.0.0.1:{port}", transports=["websocket"])
        clients.append((sio, session))

async def told(heard, written, data):
    await asyncio.to_thread(check_and_write, written, data)
    heard[data["text"]] = time.time()
    return True

async def leave():
    for sio, session in clients:
        await sio.disconnect()
        await session.close()
"""

MEMBERS = """
from academics_jupyter.peer.events import MessageReceived
async def watch(one, heard):
    async for event in one.events():
        if isinstance(event, MessageReceived):
            heard[event.id] = time.time()
heard = {name: {} for name in peers}
watching = [asyncio.create_task(watch(one, heard[name])) for name, one in peers.items()]
"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """For each contender, in how many ms each message was with each of the others, message by message."""

    members: int
    ms: dict[str, list[list[float]]]

    def within(self, share: float, name: str = OURS) -> float:
        """In how many ms this share of all deliveries was done."""
        ordered = sorted(ms for message in self.ms[name] for ms in message)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    @property
    def ratio(self) -> float:
        """How many times as long as the bare server we took until all had a message, the median of the messages."""
        pairs = zip(self.ms[OURS], self.ms[FLOOR], strict=True)
        return statistics.median(max(ours) / max(floor) for ours, floor in pairs)

    def __str__(self) -> str:
        rows = [
            f"{name:25} p50 {self.within(0.5, name):6.1f} ms, p99 {self.within(0.99, name):6.1f} ms" for name in self.ms
        ]
        return "\n".join([f"a room of {self.members}", *rows, f"until all had it: {self.ratio:.2f} times as long"])


def measure(messages: int = 100, members: int = 30) -> Delivered:
    """Run both."""
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        lab = Lab(Path(name), stack.enter_context(running_mongod()).uri, stack)
        host, processes = _enter(lab, Path(name), stack, members)
        room = _meet(host, processes, members)
        host.value(SERVER)
        port = host.value("serve()")
        for process in processes:
            process.value(CLIENTS)
            process.value(f"listen({port})")
            process.value(MEMBERS)
        for process in (host, *processes):
            process.value(ALONE)
        ms: dict[str, list[list[float]]] = {FLOOR: [], OURS: []}
        for number in range(messages):
            text = f"message {number} to all, of an ordinary length"
            ms[FLOOR].append(_delivered_ms(host, processes, f"await tell({text!r})", "heard_bare"))
            ms[OURS].append(
                _delivered_ms(host, processes, f"(await peer.chatting.send({room!r}, {text!r})).id", "heard")
            )
        for process in processes:
            process.value("leave()")
    return Delivered(members, ms)


def _enter(lab: Lab, folder: Path, stack: ExitStack, members: int) -> tuple[PeerProcess, list[PeerProcess]]:
    host = lab.enter("host")
    processes = []
    names = [f"member-{number:02}" for number in range(members - 1)]
    for place in range(PROCESSES):
        process = PeerProcess(folder / f"process-{place}", registry=lab.registry)
        processes.append(stack.enter_context(process))
        process.open(*names[place::PROCESSES])
    return host, processes


def _meet(host: PeerProcess, processes: list[PeerProcess], members: int) -> str:
    """Have all in one room; its id."""
    people = [peer for process in processes for peer in process.ids.values()]
    wait_until(lambda: len(host.value("list(peer._engine.mesh.links)")) == len(people), 120, "all links")
    room = str(host.value(f"(await peer.rooms.create('reading', {people!r})).room"))
    for process in processes:
        process.sees("[len(await one.rooms.all()) for one in peers.values()]", [1] * len(process.ids), 60)
        process.value(f"asyncio.gather(*(one.rooms.accept({room!r}) for one in peers.values()))")
    for process in processes:
        process.sees(
            f"[len((await one.rooms.get({room!r})).facts.members) for one in peers.values()]",
            [members] * len(process.ids),
            120,
        )
    return room


def _delivered_ms(host: PeerProcess, processes: list[PeerProcess], send: str, heard: str) -> list[float]:
    began_s, sent = host.value(f"(time.time(), {send})")
    time.sleep(PAUSE_S)
    took_ms = []
    for process in processes:
        process.sees(f"all({sent!r} in each for each in {heard}.values())", True, 60)
        took_ms += [(at_s - began_s) * 1000 for at_s in process.value(f"[each[{sent!r}] for each in {heard}.values()]")]
    return took_ms


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
