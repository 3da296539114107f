"""Machines on a network of their own, for peers that lose it: Linux network namespaces around a router. Needs root.

    root namespace, .1 ── router ── host "a", .2 (eth0)        198.18.N.0/24, which RFC 2544 keeps for tests
                            └────── host "b", .3 (eth0)

What is cut vanishes in the router: no FIN, no RST and no ICMP error reaches anybody, and every network card stays up. A
bridge would not do, for a neighbour that answers no ARP is known to be gone within seconds, as none beyond a router is.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations, product
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

CUTTING = "pref 100"
"""Where the router's rules that cut stand: before the table that would deliver."""
LOCKS = Path("/run/academics-networks")
MAX_NETWORKS = 64
MAX_HOSTS = 250
NEEDED_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}


class NamespacesError(Exception):
    """What `ip` said when it failed."""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of a `Network`: its namespace, empty for this process's own, and its address."""

    name: str
    namespace: str
    address: str
    _network: Network = field(repr=False, compare=False)

    def cut(self) -> None:
        """From now on nothing reaches it and nothing leaves it, without a word to anybody."""
        self._network.change(cut=self._network.cut | {self})

    def heal(self) -> None:
        """Undo `cut`."""
        self._network.change(cut=self._network.cut - {self})

    def command(self, *command: str) -> list[str]:
        """A command line that runs `command` there."""
        return ["ip", "netns", "exec", self.namespace, *command] if self.namespace else list(command)


class Network:
    """A router, its hosts, and `outside`: the test's own place on the network, where a registry can listen.

    Entering it skips the test where namespaces cannot be had, or fails it; see `require_namespaces`.
    """

    cut: frozenset[Host]
    """The hosts that are cut off."""

    def __enter__(self) -> Self:
        require_namespaces()
        _sweep()
        self._number, self._lock = _take_number()
        self._prefix = f"academics-{self._number}-"
        self._router = f"{self._prefix}router"
        self._hosts = 0
        self._rules: set[str] = set()
        self._parted: frozenset[tuple[Host, Host]] = frozenset()
        self.cut = frozenset()
        self.outside = Host("outside", "", self._address(1), self)
        try:
            self._build()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def host(self, name: str) -> Host:
        """A new machine."""
        assert self._hosts < MAX_HOSTS
        host = Host(name, self._prefix + name, self._address(self._hosts + 2), self)
        end, gateway = f"host{self._hosts}", self._address(254)
        self._hosts += 1
        _ip(f"netns add {host.namespace}")
        _ip(f"link add {end} type veth peer name eth0 netns {host.namespace}", within=self._router)
        _ip(f"link set {end} up", f"route add {host.address} dev {end}", within=self._router)
        _ip(
            "link set lo up",
            f"addr add {host.address} dev eth0",
            "link set eth0 up",
            f"route add {gateway} dev eth0",
            f"route add default via {gateway}",
            within=host.namespace,
        )
        return host

    def partition(self, *groups: Iterable[Host]) -> None:
        """Let hosts of different groups reach each other no more, in place of the partition there was.

        Hosts in no group, and `outside` unless it is in one, reach all of them.
        """
        pairs = permutations([tuple(group) for group in groups], 2)
        self.change(parted=frozenset(pair for one, other in pairs for pair in product(one, other)))

    def heal(self) -> None:
        """Undo every `partition` and `cut`."""
        self.change(cut=frozenset(), parted=frozenset())

    def change(self, *, cut: frozenset[Host] | None = None, parted: frozenset[tuple[Host, Host]] | None = None) -> None:
        """Have the router drop what is `cut` or `parted`, and nothing else; what is not given stays as it is."""
        self.cut = self.cut if cut is None else cut
        self._parted = self._parted if parted is None else parted
        wanted = {f"from {one.address} to {other.address}" for one, other in self._parted}
        wanted |= {f"{way} {host.address}" for host in self.cut for way in ("from", "to")}
        ended = (f"rule del {CUTTING} {rule} blackhole" for rule in self._rules - wanted)
        begun = (f"rule add {CUTTING} {rule} blackhole" for rule in wanted - self._rules)
        _ip(*ended, *begun, within=self._router)
        self._rules = wanted

    def _build(self) -> None:
        ours, gateway, card = self.outside.address, self._address(254), f"academics{self._number}"
        _ip(f"netns add {self._router}")
        _ip(f"link add {card} type veth peer name outside netns {self._router}")
        # It answers for the gateway's address on every card, whichever one has it.
        _ip(
            "link set lo up",
            f"addr add {gateway} dev lo",
            "link set outside up",
            f"route add {ours} dev outside",
            within=self._router,
        )
        _ip(
            f"addr add {ours} dev {card}",
            f"link set {card} up",
            f"route add {gateway} dev {card}",
            f"route add {self._address(0)}/24 via {gateway} src {ours}",
        )
        _run("ip", "netns", "exec", self._router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def _release(self) -> None:
        _clear(self._number)
        os.close(self._lock)

    def _address(self, machine: int) -> str:
        return f"198.18.{self._number}.{machine}"


def available() -> bool:
    """Whether network namespaces can be used here."""
    return not (_rights_lacking() or _hindrance())


def require_namespaces() -> None:
    """Skip the test where whoever runs it may not make networks; that is the machine's owner's to decide, also in CI.

    Where they may, and it does not work all the same, the test is skipped as well, but in CI (`CI` is set) it fails.
    """
    if lacking := _rights_lacking():
        pytest.skip(f"network namespaces need {lacking}")
    if hindrance := _hindrance():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"network namespaces do not work here: {hindrance}")


def _rights_lacking() -> str:
    if not sys.platform.startswith("linux"):
        return "Linux"
    lines = Path("/proc/self/status").read_text().splitlines()
    held = int(next(line.split()[1] for line in lines if line.startswith("CapEff:")), 16)
    return " and ".join(name for name, bit in NEEDED_CAPABILITIES.items() if not held >> bit & 1)


@cache
def _hindrance() -> str:
    """Why a namespace, a card or a rule could not be made, or nothing."""
    if shutil.which("ip") is None:
        return "the program `ip` is missing; it is in the package iproute2"
    probe = f"academics-probe-{os.getpid()}"
    try:
        _ip(f"netns add {probe}")
        try:
            _ip(
                "link add probe0 type veth peer name probe1",
                f"rule add {CUTTING} to 198.18.0.1 blackhole",
                within=probe,
            )
        finally:
            _ip(f"netns del {probe}")
    except NamespacesError as error:
        return str(error)
    return ""


def _ip(*commands: str, within: str = "") -> None:
    _run("ip", *(["-n", within] if within else []), "-batch", "-", given="\n".join(commands))


def _run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise NamespacesError(f"{' '.join(command)}\n{given}\n{done.stderr.strip()}")
    return done.stdout


def _take_number() -> tuple[int, int]:
    """A network's number that no living process has, and the lock on it, which is given back by closing it."""
    for number in range(MAX_NETWORKS):
        if (lock := _lock(number)) is not None:
            return number, lock
    raise NamespacesError(f"{MAX_NETWORKS} networks are in use")


def _lock(number: int) -> int | None:
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(LOCKS / str(number), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _sweep() -> None:
    """Remove what killed tests left behind: the networks whose numbers nobody holds."""
    names = [line.split()[0].split("-") for line in _run("ip", "netns", "list").splitlines()]
    for number in {int(name[1]) for name in names if name[0] == "academics" and name[1].isdecimal()}:
        if (lock := _lock(number)) is not None:
            _clear(number)
            os.close(lock)


def _clear(number: int) -> None:
    """Remove a network, and end what still runs in it."""
    for line in _run("ip", "netns", "list").splitlines():
        namespace = line.split()[0]
        if namespace.startswith(f"academics-{number}-"):
            for pid in _run("ip", "netns", "pids", namespace).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _run("ip", "netns", "del", namespace)
    # It goes with the router, but only after a while.
    with suppress(NamespacesError):
        _run("ip", "link", "del", f"academics{number}")
