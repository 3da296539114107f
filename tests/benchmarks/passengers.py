"""How soon the passengers of a profile see what its driver has written: chats, and the progress of a download.

    python -m tests.benchmarks.passengers [PASSENGERS] [MESSAGES] [SIZE_MIB]

Real kernels of one profile, one of which drives, and a friend in a kernel of their own. Printed are milliseconds from
the driver's commit to each passenger's having the row, having been told the event, and having sent it to its panel's
views; and, for scale, from the friend's cell to the passenger.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.kernels import Kernel, running_kernel
from tests.waiting import wait_until

PAUSE_S = 0.05
DOWNLOADS = 3

RECORD = """
import asyncio, time
peer, friend = academics.current(), {friend!r}
store = peer._context.store
now = time.monotonic_ns
rows, told, shown, progress, progress_shown = {{}}, {{}}, {{}}, {{}}, {{}}

async def see_rows():
    with peer._context.changes.watched('messages', 'downloads') as changed:
        while True:
            changed.clear()
            look(now(), rows, progress)
            await changed.wait()

def look(at, texts, steps):
    for message in store.messages.history(friend, 1):
        texts.setdefault(message.text, at)
    for row in store.downloads.all():
        if 0 < row.done_bytes < row.size_bytes:
            steps.setdefault((row.id, row.done_bytes), at)

async def see_events(events):
    async for event in events:
        if isinstance(event, academics.MessageReceived):
            told.setdefault(event.text, now())

panel = get_ipython().run_line_magic('academics', 'panel')
for part in panel.parts:
    part._msg_callbacks(part, {{'do': 'sight', 'view': 'one', 'seen': True}}, [])
panel.chat._msg_callbacks(panel.chat, {{'do': 'open', 'conversation': friend}}, [])

def note_thread(content, buffers=None):
    for line in content.get('state', {{}}).get('thread', []):
        shown.setdefault(line['text'], now())

def note_downloads(content, buffers=None):
    for row in content.get('state', {{}}).get('downloads', []):
        progress_shown.setdefault((row['id'], row['done_bytes']), now())

panel.chat.send, panel.downloads.send = note_thread, note_downloads
tasks = [asyncio.get_running_loop().create_task(each) for each in (see_rows(), see_events(peer.events()))]
"""

COMMITS = """
committed, committed_progress = {}, {}
ring = store.database._ring

def ring_and_note(topics):
    at = now()
    ring(topics)
    look(at, committed, committed_progress)

store.database._ring = ring_and_note
"""

WRITE = """
import asyncio, time
sent = {{}}
async def write():
    for number in range({messages}):
        sent[f'message {{number}}'] = time.monotonic_ns()
        await academics.current().chat('profile', f'message {{number}}')
        await asyncio.sleep({pause_s})
await write()
"""


def main(passengers: int, messages: int, size_mib: int) -> None:
    """Run all and print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="academics-benchmark-")))

        def sit_down(name: str) -> Kernel:
            env = {"XDG_DATA_HOME": str(folder / "data"), "ACADEMICS_HOME": str(folder / name)}
            kernel = stack.enter_context(running_kernel(os.environ | env))
            kernel.run(f"%load_ext academics\nimport academics\n%register --name {name}")
            return kernel

        kernels, friend = [sit_down("profile") for _ in range(1 + passengers)], sit_down("friend")
        look = "academics.current().peers().state.tolist() == ['linked']"
        wait_until(lambda: all(_value(each, look) for each in (friend, *kernels)), what="the link")
        friend_id = _value(friend, "academics.current().id")
        for kernel in kernels:
            kernel.run(RECORD.format(friend=friend_id))
        kernels[0].run(COMMITS)
        print(f"{passengers} passengers, {os.cpu_count()} cores, {platform.processor() or platform.machine()}")
        _chat(friend, kernels, messages)
        _download(friend, kernels, folder, size_mib)


def _chat(friend: Kernel, kernels: list[Kernel], messages: int) -> None:
    friend.run(WRITE.format(messages=messages, pause_s=PAUSE_S), timeout_s=600)
    for kernel in kernels:
        wait_until(lambda kernel=kernel: f"message {messages - 1}" in _value(kernel, "shown"), what="the last message")  # type: ignore[misc]
    sent, committed = _value(friend, "sent"), _value(kernels[0], "committed")
    for what, began, seen in (
        ("row", committed, "rows"),
        ("event", committed, "told"),
        ("panel", committed, "shown"),
        ("cell to row", sent, "rows"),
    ):
        _show(f"chat, {what}", _latencies_ms(began, [_value(kernel, seen) for kernel in kernels[1:]]))


def _download(friend: Kernel, kernels: list[Kernel], folder: Path, size_mib: int) -> None:
    source = folder / "large.bin"
    with source.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(1 << 20))
    resource = _value(friend, f"get_ipython().run_line_magic('share', '{source}').id")
    wait_until(lambda: _value(kernels[1], "len(get_ipython().run_line_magic('explore', '--available'))"))
    for _ in range(DOWNLOADS):
        kernels[1].run(f"path = %download {resource}")
        kernels[1].run(f"%unshare {resource} --delete")
    committed = _value(kernels[0], "committed_progress")
    for what, seen in (("row", "progress"), ("panel", "progress_shown")):
        _show(f"progress, {what}", _latencies_ms(committed, [_value(kernel, seen) for kernel in kernels[1:]]))


def _latencies_ms(began_ns: dict[Any, int], seen_ns: Iterable[dict[Any, int]]) -> list[float]:
    return sorted((seen[key] - began_ns[key]) / 1e6 for seen in seen_ns for key in seen.keys() & began_ns.keys())


def _show(what: str, ms: list[float]) -> None:
    if not ms:
        print(f"{what:<18} nothing was seen")
        return
    p50, p99 = ms[len(ms) // 2], ms[int(len(ms) * 0.99)]
    print(f"{what:<18} p50 {p50:7.1f}  p99 {p99:7.1f}  most {ms[-1]:7.1f} ms  of {len(ms)}", flush=True)


def _value(kernel: Kernel, expression: str) -> Any:
    return eval(kernel.run(f"print(repr({expression}))").text.strip().splitlines()[-1])


if __name__ == "__main__":
    main(*map(int, (sys.argv[1:] + ["5", "300", "400"][len(sys.argv) - 1 :])))
