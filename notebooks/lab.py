"""A lab on one machine, for the example notebooks: colleagues who are peers in processes of their own.

    folder = lab.move_in()                      # a network of this notebook's own, gone when its kernel ends
    grace = await lab.colleague("Grace Hopper", interests="compilers, astronomy")
    await grace.share("data/planets.csv", title="Orbits of the planets")
    await grace.chat("ada", "Have a look!")
    await grace.leave()

A colleague does whatever a peer can do (see `academics.Peer`), when she is asked to and in her own process. Nothing
else is played: what comes to your notebook has come over the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import academics

HERE = Path(__file__).parent
OPEN_KEYS = {"ACADEMICS_PASSPHRASE": "", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
"""Colleagues keep their keys as they are in that folder, which takes less time than to seal them."""
CLEANING = """
import os, shutil, sys, time
sys.stdin.read()
for _ in range(10):
    time.sleep(3)
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
"""
"""What removes the folder, once the kernel has ended, in whichever way, and its colleagues and registry after it."""

_colleagues: dict[str, Colleague] = {}
_cleaners: list[subprocess.Popen[str]] = []


@functools.cache
def move_in() -> Path:
    """Keep this notebook's profile, its colleagues' and their registry in a temporary folder; that folder."""
    folder = tempfile.mkdtemp(prefix="academics-lab-")
    os.environ["XDG_DATA_HOME"] = folder
    # The profile goes with the folder, so its key is to leave nothing in the system's keyring.
    os.environ["ACADEMICS_PASSPHRASE"] = secrets.token_hex()
    _cleaners.append(started("-c", CLEANING, folder))
    return Path(folder)


async def colleague(name: str, **about: str) -> Colleague:
    """Somebody who comes online, or is back, and has met you; `about` is what `Peer.register` takes."""
    if name not in _colleagues:
        _colleagues[name] = Colleague(name)
    person = _colleagues[name]
    await person.register(name, **about)
    await person.start()
    await until(lambda: has_met(name))
    return person


async def until(look: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Look again and again until there is something: a table with rows, or whatever is true. That is returned."""
    ends_s = time.monotonic() + timeout_s
    while time.monotonic() < ends_s:
        seen = await found if inspect.isawaitable(found := look()) else found
        if len(seen) if hasattr(seen, "columns") else seen:
            return seen
        await asyncio.sleep(0.1)
    raise TimeoutError(f"What was waited for has not come about in {timeout_s:.0f} seconds.")


def has_met(name: str) -> bool:
    """Whether your peer has a link with somebody's."""
    peers = academics.current().peers()
    return name in peers[peers.state == "linked"].name.tolist()


def started(*arguments: str, env: Mapping[str, str] = os.environ) -> subprocess.Popen[str]:
    """A Python process that ends when its standard input does, so with this kernel; interrupting a cell spares it."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
        env=env,
        start_new_session=True,
    )


class Colleague:
    """Somebody's peer, in a process of its own that lasts no longer than this kernel."""

    def __init__(self, name: str) -> None:
        self.name = name
        profile = name.split()[0].lower()
        self._process = started(__file__, profile, env=os.environ | OPEN_KEYS)
        self._asking = threading.Lock()

    def __getattr__(self, action: str) -> Callable[..., Any]:
        """Any method of the colleague's peer, to be awaited; it returns the id of what was made, where that has one."""

        async def do(*what: str, **how: Any) -> str | None:
            if academics.current().is_driver:
                await academics.current().flushed()  # so that what you have done before is known to all
            return await asyncio.to_thread(self._ask, action, what, how)

        return do

    async def accept(self, room: str) -> None:
        """Take an invitation to a room up, as soon as it is there."""

        async def joined() -> bool:
            with contextlib.suppress(RuntimeError):
                await self.join_room(room)
                return True
            return False

        await until(joined)

    def _ask(self, action: str, what: tuple[str, ...], how: dict[str, Any]) -> str | None:
        with self._asking:
            print(json.dumps([action, what, how]), file=self._process.stdin, flush=True)
            told = json.loads(self._process.stdout.readline() or '{"error": "that process has ended"}')
        if "error" in told:
            raise RuntimeError(f"{self.name} could not {action}: {told['error']}")
        return told["id"]

    async def leave(self) -> None:
        """Close the colleague's notebook; `colleague` has them back."""
        del _colleagues[self.name]
        self._process.stdin.close()
        await asyncio.to_thread(self._process.wait)


async def _work(profile: str) -> None:
    """What runs in a colleague's process: a peer that does what standard input says, line by line, until that ends."""
    async with academics.open_peer(profile=profile) as peer:
        while line := await asyncio.to_thread(sys.stdin.readline):
            action, what, how = json.loads(line)
            try:
                made = await getattr(peer, action)(*what, **how)
                if peer.is_driver:
                    await peer.flushed()
                made_id = getattr(made, "id", None)
                told = {"id": made_id if isinstance(made_id, str) else None}
            except academics.AcademicsError as error:
                told = {"error": str(error)}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))
