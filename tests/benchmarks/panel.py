"""What the panel costs its kernel: to open it, to look at each of its parts, and to have it out of sight.

    python -m tests.benchmarks.panel [RESOURCES] [MESSAGES]

A real kernel with a registered peer, and a repository and a conversation of that length. Printed are milliseconds of
the kernel's processor time, each against what an empty ipywidgets box costs a fresh kernel of the same run; and the
share of one core that an online peer takes with a panel out of sight, against one with none.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile

from tests.kernels import Kernel, running_kernel

PLAIN = """
import time
begun = time.process_time()
import ipywidgets
box = ipywidgets.VBox()
print((time.process_time() - begun) * 1000)
"""
REGISTER = """
%load_ext academics
%register --name "Ada"
import asyncio, pathlib, tempfile, time, academics
peer, friend = academics.current(), 'f' * 64
folder = pathlib.Path(tempfile.mkdtemp())
for number in range({resources}):
    (folder / f'{{number}}.txt').write_text(f'resource {{number}}')
    await peer.share(folder / f'{{number}}.txt')
for number in range({messages}):
    await peer.chatting.send(friend, f'message {{number}}')
"""
OPEN = """
begun = time.process_time()
panel = get_ipython().run_line_magic('academics', 'panel')
await asyncio.sleep(2)
print((time.process_time() - begun) * 1000)
"""
LOOK = """
def look(part, seen):
    part._msg_callbacks(part, {'do': 'sight', 'view': 'one', 'seen': seen}, [])

costs = []
for part in panel.parts:
    begun = time.process_time()
    look(part, True)
    if part is panel.chat:
        part._msg_callbacks(part, {'do': 'open', 'conversation': friend}, [])
    await asyncio.sleep(2)
    costs.append(f'{part.NAME} {(time.process_time() - begun) * 1000:.0f}')
    look(part, False)
print(', '.join(costs))
"""
IDLE = """
begun, began = time.process_time(), time.monotonic()
await asyncio.sleep(20)
print((time.process_time() - begun) / (time.monotonic() - began) * 100)
"""


def main(resources: int = 200, messages: int = 1000) -> None:
    """Run it and print the figures."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"ACADEMICS_HOME": home}
        with running_kernel(dict(env)) as kernel:
            plain_ms = _number(kernel, PLAIN)
        with running_kernel(dict(env)) as kernel:
            kernel.run(REGISTER.format(resources=resources, messages=messages), timeout_s=600)
            without = _number(kernel, IDLE)
            first_ms = _number(kernel, OPEN)
            again_ms = _number(kernel, OPEN)
            looked = kernel.run(LOOK).text.strip()
            with_one = _number(kernel, IDLE)
    print(f"an empty box      {plain_ms:6.0f} ms")
    print(f"the first panel   {first_ms:6.0f} ms, {first_ms / plain_ms:.1f} times the empty box")
    print(f"a second panel    {again_ms:6.0f} ms, {again_ms / plain_ms:.1f} times the empty box")
    print(f"its parts in sight for two seconds each: {looked} ms")
    print(f"an idle peer takes {without:.2f} % of a core, and {with_one:.2f} % with two panels out of sight")


def _number(kernel: Kernel, code: str) -> float:
    return float(kernel.run(code).text.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
