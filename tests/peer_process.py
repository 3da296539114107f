"""What runs in a `PeerProcess`: one event loop, any number of profiles, and Python that the test sends.

A line that comes on standard input is {"id", "code"}; the code, an expression or statements, is run on the loop and may
await, with what `_scope` lists. A line that goes out is {"id", "value"}, {"id", "error"}, or {"fault"} for an error
that was logged.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import logging
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, Any

import msgspec

from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.settings import resolve

MAX_LINE_BYTES = 64 << 20


class _Answers:
    """The way back to the test; any thread may write."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._writing = pipe, threading.Lock()

    def write(self, answer: dict[str, Any]) -> None:
        line = msgspec.json.encode(answer, enc_hook=_plain) + b"\n"
        with self._writing:
            self._pipe.write(line)
            self._pipe.flush()


class _Faults(logging.Handler):
    """Tells the test of errors in the log at once, so that no kill hides them."""

    def __init__(self, answers: _Answers) -> None:
        super().__init__(logging.ERROR)
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        self._answers.write({"fault": self.format(record)})


def _plain(value: Any) -> Any:
    """What numpy and pandas give, as Python has it; paths, fingerprints and the like as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _scope() -> dict[str, Any]:
    """What code finds: `peers` by profile, `peer` (the first of them), `open_profile`, and asyncio, os, Path, time."""
    peers: dict[str, Peer] = {}

    async def open_profile(profile: str, register: bool = True, start: bool = True, **settings: Any) -> str:
        peer = peers[profile] = await Peer.open(resolve({"profile": profile, **settings}))
        scope.setdefault("peer", peer)
        if register and not peer.is_registered:
            await peer.register(profile)
        if start:
            await peer.start()
        return peer.id if peer.is_registered else ""

    scope: dict[str, Any] = {"peers": peers, "open_profile": open_profile}
    scope |= {"asyncio": asyncio, "os": os, "Path": Path, "time": time}
    return scope


async def _run(code: str, scope: dict[str, Any]) -> Any:
    try:
        compiled = compile(code, "<asked>", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        compiled = compile(code, "<asked>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    value = eval(compiled, scope)
    while inspect.isawaitable(value):
        value = await value
    return value


async def _answer(request: dict[str, Any], scope: dict[str, Any], answers: _Answers) -> None:
    try:
        answers.write({"id": request["id"], "value": await _run(request["code"], scope)})
    except Exception as error:
        text = f"{type(error).__name__}: {error}\n{''.join(traceback.format_exception(error))}"
        answers.write({"id": request["id"], "error": text})


async def _serve(answers: _Answers) -> None:
    scope = _scope()
    requests = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    answering: set[asyncio.Task[None]] = set()
    while line := await requests.readline():
        task = asyncio.create_task(_answer(json.loads(line), scope, answers))
        answering.add(task)
        task.add_done_callback(answering.discard)
    for task in answering:
        task.cancel()
    await asyncio.gather(*(peer.close() for peer in scope["peers"].values()))


def main() -> None:
    """Serve until standard input is closed, then have the peers leave."""
    # What prints must not come between the answers.
    with os.fdopen(os.dup(1), "wb") as pipe:
        os.dup2(2, 1)
        answers = _Answers(pipe)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
        logging.getLogger().addHandler(_Faults(answers))
        asyncio.run(_serve(answers))


if __name__ == "__main__":
    main()
