"""Runs the reader of PDFs as a process with limits, and ends it in any case."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
from pathlib import Path

import msgspec

from academics_jupyter.metadata.findings import Findings
from academics_jupyter.protocol.preparing import prepared

MAX_ANSWER_BYTES = 256 * 1024
REAP_TIMEOUT_S = 2.0
_PACKAGE_FOLDER = Path(__file__).parents[2]
# A parser that is exploited finds no passphrase, token or registry in its environment.
_PASSED_ON = (
    "PATH",
    "HOME",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONUSERBASE",
    "SYSTEMROOT",
    "LANG",
)


async def read_pdf(file: int, name: str, timeout_s: float) -> Findings:
    """What the PDF open at the descriptor `file` tells of itself within `timeout_s`; nothing found on any failure.

    `name` is the name of the file, which a title may not merely repeat.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "academics_jupyter.metadata.pdf_reader", str(math.ceil(timeout_s)), name),
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
    except (OSError, ValueError, NotImplementedError):
        return Findings()
    try:
        answer = await _answer(process, timeout_s)
    finally:
        _end(process)
        await _reap(process)
    return _last(answer)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join([str(_PACKAGE_FOLDER), *filter(None, sys.path)]), "PYTHONUTF8": "1"}


async def _reap(process: asyncio.subprocess.Process) -> None:
    """Wait for a killed process. Some versions of asyncio wait for its pipe too, which must be emptied for that.

    A process that broke out of its group may hold the pipe open; it is not waited for.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REAP_TIMEOUT_S):
            while process.stdout is not None and await process.stdout.read(MAX_ANSWER_BYTES):
                pass
            await process.wait()


async def _answer(process: asyncio.subprocess.Process, timeout_s: float) -> bytes:
    """What the process says until it ends, the time is up or it says too much."""
    answer = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while (
                process.stdout
                and len(answer) < MAX_ANSWER_BYTES
                and (part := await process.stdout.read(MAX_ANSWER_BYTES))
            ):
                answer += part
    return bytes(answer[:MAX_ANSWER_BYTES])


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the process and what it started; it leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _last(answer: bytes) -> Findings:
    """The last whole line that is valid; the process is not trusted to keep to the limits of its findings."""
    whole, _, _ = answer.rpartition(b"\n")
    try:
        return msgspec.json.decode(whole.rpartition(b"\n")[2], type=prepared(Findings)).bounded()
    except (msgspec.DecodeError, RecursionError):
        return Findings()
