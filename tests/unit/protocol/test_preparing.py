"""Types that threads use for the first time all at once, in a process that may crash of it."""

from __future__ import annotations

import subprocess
import sys

CRASHES = """
import sys, threading, types
import msgspec
from academics_jupyter.protocol.preparing import prepared

FIELDS = '''
    a: {inner} | None = None
    b: tuple[str, ...] = ()
    c: dict[str, int] | None = None
'''
JSON = b'{"a": {"a": {"a": null, "b": ["x"]}}, "b": ["y"], "c": {"k": 1}}'


def nested(name):
    module = sys.modules[name] = types.ModuleType(name)
    inner = "int"
    for depth in range(30):
        source = f"class C{depth}(msgspec.Struct):" + FIELDS.format(inner=inner)
        exec(source, vars(module) | {"msgspec": msgspec, "__name__": name}, vars(module))
        inner = f"C{depth}"
    return module.C29


def read(kind, start):
    start.wait()
    msgspec.json.decode(JSON, type=USED(kind))
    msgspec.convert(msgspec.json.decode(JSON), type=USED(kind))


sys.setswitchinterval(1e-6)
for number in range(200):
    kind, start = nested(f"m{number}"), threading.Barrier(6)
    threads = [threading.Thread(target=read, args=(kind, start)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_may_use_a_type_for_the_first_time_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASHES.replace("USED", "prepared")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
