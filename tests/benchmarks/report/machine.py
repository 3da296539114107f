"""Where and with what figures were taken."""

from __future__ import annotations

import os
import platform
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.benchmarks.nginx import TOOLS, tool

PACKAGES = ("academics-jupyter", "aiohttp", "python-socketio", "libtorrent")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, what ran on it, the day, and its load in the minute before: 1 is a core that others kept busy."""

    cpu: str
    cores: int
    memory_gib: int
    disk: str
    system: str
    versions: dict[str, str]
    day: str
    load: float

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gib} GiB of memory, {self.disk}; {self.system}; {versions};"
            f" {self.day}, load before {self.load:.1f}"
        )


def this_machine() -> Machine:
    """This one, today."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / (1 << 30)),
        disk=_disk(Path(tempfile.gettempdir()).resolve()),
        system=f"{platform.system()} {platform.release()}",
        versions={
            "Python": platform.python_version(),
            "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
            **{package: version(package) for package in PACKAGES},
            **{name: _said(name) for name in TOOLS if name != "openssl"},
        },
        day=datetime.now(UTC).date().isoformat(),
        load=os.getloadavg()[0],
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _disk(folder: Path) -> str:
    """The file system of a folder, and the device that it is on."""
    above = [each for each in psutil.disk_partitions(all=True) if folder.is_relative_to(each.mountpoint)]
    found = max(above, key=lambda each: len(each.mountpoint))
    return f"{found.fstype} on {Path(found.device).name}"


def _said(name: str) -> str:
    """The version that a program says it is."""
    flag = "-v" if name == "nginx" else "--version"
    ran = subprocess.run([tool(name), flag], check=True, capture_output=True, text=True)
    words = (ran.stdout or ran.stderr).replace("/", " ").split()
    return next(word for word in words if word[0].isdigit())
