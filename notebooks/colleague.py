"""A colleague for the example notebooks: a second peer, in a process of its own, that shares, reads and answers.

`await invite()` brings her online from a notebook. As a program this is an example of a peer with no notebook; she
stays until her standard input ends, which it does when the notebook's kernel does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import lab

import academics

HERE = Path(__file__).parent
NAME = "Grace Hopper"
_processes: list[subprocess.Popen[str]] = []


async def invite() -> None:
    """Bring the colleague online, and wait until she has shared her data and met you; once for each kernel."""
    if not _processes or _processes[-1].poll() is not None:
        print(await asyncio.to_thread(start), end="")
        await lab.until(lambda: lab.has_met(NAME))


def start() -> str:
    """Start her process; what she says once she is ready."""
    process = lab.started(__file__)
    _processes.append(process)
    said = process.stdout.readline()
    if not said.startswith("ready"):
        raise RuntimeError("The colleague did not come online; what went wrong is above.")
    return said


def dismiss() -> None:
    """Have the colleague leave, as she does by herself when the kernel ends."""
    while _processes:
        process = _processes.pop()
        process.stdin.close()
        process.wait()


async def main() -> None:
    async with academics.open_peer(profile="quickstart-colleague") as peer:
        await peer.register(NAME, affiliation="Harvard Computation Laboratory", interests="compilers, astronomy")
        events = peer.events()
        await peer.start("the quickstart's colleague")
        if not await drives(peer):
            print(f"ready: {NAME} is online already, for another notebook", flush=True)
            await asyncio.to_thread(sys.stdin.read)
            return
        await peer.share(
            HERE / "data" / "planets.csv",
            title="Orbits of the planets",
            authors="Johannes Kepler",
            keywords="astronomy, orbits, Kepler",
            license="CC0-1.0",
        )
        await peer.flushed()
        print(f"ready: {NAME} is online and shares the orbits of the planets", flush=True)
        answering = asyncio.create_task(answer(peer, events))
        await asyncio.to_thread(sys.stdin.read)
        answering.cancel()


async def drives(peer: academics.Peer) -> bool:
    """Whether it is this process that runs the peer; a former one may need a moment to leave."""
    for _ in range(50):
        if peer.is_driver:
            return True
        await asyncio.sleep(0.2)
    return False


async def answer(peer: academics.Peer, events: academics.EventStream) -> None:
    """Thank for messages, and download what others share."""
    async for event in events:
        match event:
            case academics.MessageReceived(author=author, text=text):
                await peer.chat(author, f"Thank you for writing: “{text.splitlines()[0]}”")
            case academics.ResourceShared(resource=resource, title=title, sharer=sharer) if sharer != peer.id:
                await peer.download(resource)
                await peer.chat(sharer, f"I have just downloaded **{title}**, so now there are two of us who hold it.")


if __name__ == "__main__":
    asyncio.run(main())
