"""Whom a peer reaches: those with a link whose system acknowledges what is sent, however busy they are themselves.

A dead host does not hang up. TCP's keepalive finds it within half a minute; a room's members want to know sooner. So
whoever hosts a room is pinged now and then, and where the system at the other end has not even acknowledged that for a
few seconds, the host is not reached any more.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from academics_jupyter.errors import NetworkError, ProtocolError
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.network.sockets import unacknowledged_ms
from academics_jupyter.protocol.wire import Done, Ping

PING_INTERVAL_S = 1.5
MOST_UNANSWERED = 10
"""From then on a busy peer is pinged less and less often."""
DEAF_MS = 4_000


@dataclass(slots=True)
class _Watched:
    pinged_s: float = 0.0
    unanswered: set[asyncio.Task[Any]] = field(default_factory=set)


class Reaching:
    """Watches the links of a mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._watched: dict[Link, _Watched] = {}

    async def reached(self, hosts: frozenset[str]) -> dict[str, Link]:
        """The peers that are reached, by id; of `hosts`, only those whose systems acknowledge."""
        links = {peer: link for peer, link in self._mesh.links.items() if not link.down.is_set()}
        self._watched = {link: each for link, each in self._watched.items() if not link.down.is_set()}
        for peer in hosts & links.keys():
            self._ping(links[peer])
        return {peer: link for peer, link in links.items() if not self._is_deaf(link)}

    def _is_deaf(self, link: Link) -> bool:
        return unacknowledged_ms(link.socket) >= DEAF_MS

    def _ping(self, link: Link) -> None:
        watched = self._watched.setdefault(link, _Watched())
        interval_s = PING_INTERVAL_S * max(1.0, len(watched.unanswered) / MOST_UNANSWERED)
        if time.monotonic() < watched.pinged_s + interval_s:
            return
        watched.pinged_s = time.monotonic()
        task = asyncio.create_task(_ping(link), name=f"academics-reach-{link.name}")
        watched.unanswered.add(task)
        task.add_done_callback(watched.unanswered.discard)


async def _ping(link: Link) -> None:
    try:
        start = time.perf_counter()
        await link.call("ping", Ping(), Done, 900.0)
        link.rtt_ms = (time.perf_counter() - start) * 1000
    except (NetworkError, ProtocolError):
        return
