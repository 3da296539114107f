"""A file over the link: how fast it comes, and how soon messages on the same link are answered meanwhile.

    python -m tests.benchmarks.link_transfer [SIZE_MIB]

Holder and reader are two processes on loopback. First whichever of them dialled, then over lines of less speed and
some delay, each with a file that takes it a few seconds. Messages are to be answered within 100 ms; the delay itself
is twice on the way of each.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from academics_jupyter.network.link import Link
from academics_jupyter.network.link_reader import LinkReader
from academics_jupyter.network.mesh import measure
from academics_jupyter.protocol.records import Presence
from tests.benchmarks.measuring import MIB, make_file
from tests.fault_proxy import FaultProxy
from tests.meshes import RESOURCE, Node, at_address, key
from tests.waiting import wait_until_async

LINES = ((1e6, 0), (5e6, 0), (5e6, 20), (20e6, 5), (100e6, 50))
"""Bytes a second, and milliseconds of delay each way."""
LINE_S = 6
PAUSE_S = 0.01


async def main(size_mib: int) -> None:
    """Run all and print a line for each."""
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name:
        path = make_file(Path(name) / "file", size_mib * MIB)
        for dialler in ("reader", "holder"):
            async with _linked(path, dialler) as (reader, link):
                _show(f"loopback, the {dialler} dialled", await _read(reader, link, path))
        for bytes_per_s, delay_ms in LINES:
            size_bytes = min(int(bytes_per_s * LINE_S), size_mib * MIB)
            slow = make_file(Path(name) / "slow", size_bytes)
            async with _linked(slow, "reader", bytes_per_s, delay_ms) as (reader, link):
                _show(f"{bytes_per_s / 1e6:.0f} MB/s, {delay_ms} ms each way", await _read(reader, link, slow))


@asynccontextmanager
async def _linked(
    path: Path, dialler: str, bytes_per_s: float = 0, delay_ms: float = 0
) -> AsyncIterator[tuple[Node, Link]]:
    reader = Node(key(1))
    await reader.mesh.server.listen("127.0.0.1", 0)
    wanted = msgspec.json.encode(reader.presence).decode() if dialler == "holder" else ""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.link_transfer", "hold", str(path), wanted,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        presence = msgspec.convert(json.loads(await holder.stdout.readline()), Presence)
        port = int(presence.urls[0].rpartition(":")[2])
        with FaultProxy(("127.0.0.1", port)) as proxy:
            if bytes_per_s:
                presence = at_address(presence, f"https://{proxy.host}:{proxy.port}")
                proxy.carry(bytes_per_s=bytes_per_s, delay_ms=delay_ms)
            if dialler == "reader":
                await reader.mesh.dial(presence)
            await wait_until_async(lambda: presence.peer in reader.mesh.links, what="the link")
            yield reader, reader.mesh.links[presence.peer]
    finally:
        await reader.mesh.close()
        holder.stdin.close()
        await holder.wait()


async def _hold(path: Path, dials: str) -> None:
    """The holder's process: until its standard input ends."""
    node = Node(key(2))
    await node.mesh.server.listen("127.0.0.1", 0)
    node.serve(path)
    if dials:
        await node.mesh.dial(msgspec.json.decode(dials, type=Presence))
    print(msgspec.json.encode(node.presence).decode(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await node.mesh.close()


async def _read(node: Node, link: Link, path: Path) -> tuple[float, list[float]]:
    """Bytes a second, and the round trips of messages meanwhile, in milliseconds."""
    size_bytes, rtts_ms = path.stat().st_size, list[float]()
    spans = [(start, min(start + MIB, size_bytes)) for start in range(0, size_bytes, MIB)]
    chatting = asyncio.create_task(_chat(link, rtts_ms))
    began = time.perf_counter()
    with path.open("rb") as file:
        async for data in LinkReader(link, RESOURCE, node.limiter).read(spans):
            assert data == file.read(len(data))
    took_s = time.perf_counter() - began
    chatting.cancel()
    return size_bytes / took_s, sorted(rtts_ms)


async def _chat(link: Link, rtts_ms: list[float]) -> None:
    while True:
        rtts_ms.append(await measure(link))
        await asyncio.sleep(PAUSE_S)


def _show(what: str, measured: tuple[float, list[float]]) -> None:
    rate_bytes_s, rtts_ms = measured
    p50, p99, most = (rtts_ms[min(int(len(rtts_ms) * share), len(rtts_ms) - 1)] for share in (0.5, 0.99, 1))
    print(f"{what:<30} {rate_bytes_s / 1e6:6.1f} MB/s  messages p50 {p50:5.1f} p99 {p99:5.1f} most {most:5.1f} ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["hold"]:
        asyncio.run(_hold(Path(sys.argv[2]), sys.argv[3]))
    else:
        print(f"{os.cpu_count()} cores")
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 512))
