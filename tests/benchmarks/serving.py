"""Whether a kernel that serves many downloads still answers its person at once.

    python -m tests.benchmarks.serving [DOWNLOADS] [SECONDS] [SIZE_MIB]

A real kernel shares a file, and as many processes as there are downloads fetch different ranges of it, each for another
peer, over and over. Printed are how late the kernel's event loop is, how soon it answers a cell, and how much it
serves; first at rest, then while it serves, then with an upload limit.
"""

from __future__ import annotations

import http.client
import os
import platform
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import MIB, make_file
from tests.kernels import Kernel, running_kernel

FETCH = "--fetch"
BUFFER_BYTES = 1 << 18
LIMIT = "20 MB/s"

PROBE = """
import asyncio, time
lags_s = []
async def probe():
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.002)
        lags_s.append(time.perf_counter() - before - 0.002)
probing = asyncio.get_running_loop().create_task(probe())
"""


def main(downloads: int, seconds: int, size_mib: int) -> None:
    """Run all and print the table."""
    print(f"{downloads} downloads, {os.cpu_count()} cores, {platform.processor() or platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name:
        folder = Path(name)
        make_file(folder / "large.bin", size_mib * MIB)
        _measure("unlimited", folder, downloads, seconds, size_mib, {})
        _measure(LIMIT, folder, downloads, seconds, size_mib, {"ACADEMICS_UPLOAD_LIMIT": LIMIT})


def _measure(what: str, folder: Path, downloads: int, seconds: int, size_mib: int, settings: dict[str, str]) -> None:
    env = {"XDG_DATA_HOME": str(folder / "data"), "ACADEMICS_HOME": str(folder / what.replace("/", "-"))}
    with running_kernel(os.environ | env | settings | {"ACADEMICS_UPLOADS_AT_ONCE": str(downloads)}) as kernel:
        kernel.run("%load_ext academics\nimport academics\n%register --name sharer")
        kernel.run(f"resource = %share '{folder / 'large.bin'}'", timeout_s=600)
        kernel.run(PROBE)
        _show(what, "at rest", kernel, seconds)
        with _fetching(kernel, downloads, size_mib * MIB):
            _show(what, "serving", kernel, seconds)


def _show(what: str, when: str, kernel: Kernel, seconds: int) -> None:
    answers_s = []
    kernel.run("lags_s.clear(); served = academics.current()._context.upload_limiter.total_bytes")
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        asked = time.perf_counter()
        kernel.run("1 + 1")
        answers_s.append(time.perf_counter() - asked)
    lags_s, served = _value(kernel, "(lags_s, academics.current()._context.upload_limiter.total_bytes - served)")
    rate = served / (time.perf_counter() - began) / 1e6
    print(f"{what}, {when}, {rate:.0f} MB/s")
    print(f"  the loop is late by   {_spread(lags_s)}")
    print(f"  a cell is answered in {_spread(answers_s)}", flush=True)


def _spread(times_s: list[float]) -> str:
    ms = sorted(each * 1000 for each in times_s)
    return f"p50 {ms[len(ms) // 2]:5.1f}  p99 {ms[int(len(ms) * 0.99)]:5.1f}  most {ms[-1]:5.1f} ms"


@contextmanager
def _fetching(kernel: Kernel, downloads: int, size_bytes: int) -> Iterator[None]:
    """The downloads, until the context ends."""
    port = _value(kernel, "academics.current()._engine.mesh.server.port")
    resource = _value(kernel, "resource.id")
    grant = "academics.current()._engine.ranges.grant(f'{number:064x}', resource.id, resource.size_bytes).token"
    tokens = _value(kernel, f"[{grant} for number in range({downloads})]")
    step = size_bytes // downloads
    command = [sys.executable, "-m", "tests.benchmarks.serving", FETCH, str(port), resource]
    running = [
        subprocess.Popen([*command, token, str(number * step), str((number + 1) * step)])
        for number, token in enumerate(tokens)
    ]
    try:
        yield
    finally:
        failed = [each.args for each in running if each.poll() is not None]
        for each in running:
            each.terminate()
            each.wait()
        assert not failed, f"{len(failed)} downloads failed"


def fetch(port: int, resource: str, token: str, start: int, end: int) -> None:
    """What one downloading process does, until it is ended."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    headers = {"Authorization": f"Bearer {token}", "Range": f"bytes={start}-{end - 1}"}
    buffer = bytearray(BUFFER_BYTES)
    while True:
        connection.request("GET", f"/academics/resources/{resource}", headers=headers)
        answer = connection.getresponse()
        if answer.status != 206:
            raise SystemExit(f"answered with {answer.status}")
        while answer.readinto(buffer):
            pass


def _value(kernel: Kernel, expression: str) -> Any:
    return eval(kernel.run(f"print(repr({expression}))").text.strip().splitlines()[-1])


if __name__ == "__main__":
    if sys.argv[1:2] == [FETCH]:
        fetch(int(sys.argv[2]), *sys.argv[3:5], *map(int, sys.argv[5:]))  # type: ignore[arg-type, call-arg]
    else:
        main(*map(int, (sys.argv[1:] + ["10", "10", "256"][len(sys.argv) - 1 :])))
