"""Meshes without the peer above them: what a test links, and the records it introduces itself with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

from academics_jupyter.network.limiter import Limiter
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.network.range_server import RangeServer
from academics_jupyter.network.read_server import ReadServer
from academics_jupyter.network.served import Served
from academics_jupyter.protocol.contents import one_file
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Presence, Record, Signed, sign_record
from academics_jupyter.protocol.wire import Ask, Hello, Read, Token

NOW_MS = 1_700_000_000_000
RESOURCE = "5e" * 32
PIECES = bytes(range(32)) * 2


def key(number: int) -> SigningKey:
    """One of 256 keys that are the same in every run."""
    return SigningKey(bytes([number]) * 32)


def presence(signer: SigningKey, url: str, certificate: str, *, epoch: int = 1, name: str = "") -> Presence:
    return Presence(
        peer=peer_id(signer),
        epoch=epoch,
        sequence=1,
        issued_at_ms=NOW_MS,
        expires_at_ms=NOW_MS + 90_000,
        name=name or f"peer {peer_id(signer)[:4]}",
        urls=(url,),
        certificate=certificate,
        online=True,
    )


class Node:
    """A mesh on a free port, a file that it may serve, and a note of all it was told."""

    def __init__(self, signer: SigningKey, *, max_links: int = 10, uploads_at_once: int = 16) -> None:
        self.key = signer
        self.peer = peer_id(signer)
        self.epoch = 1
        self.blocked: set[str] = set()
        self.path: Path | None = None
        self.up: list[Link] = []
        self.down: list[Link] = []
        self.gone: list[str] = []
        self.introduced: list[list[Record]] = []
        self.limiter = Limiter()
        self.ranges = RangeServer(
            self._find,
            self._gone,
            lambda request: self.mesh.server.guard.trust(request),
            self.limiter,
            uploads_at_once,
        )
        self.mesh = Mesh(
            signer,
            hello=self.hello,
            accepts=lambda peer: peer not in self.blocked,
            link_up=self._link_up,
            link_down=self._link_down,
            routes=self.ranges.routes(),
            max_links=max_links,
            loopback=True,
        )
        self.mesh.on("token", Ask, self._token)
        self.mesh.on("read", Read, ReadServer(self.ranges).answer)
        self._served: Served | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.mesh.server.port}"

    @property
    def presence(self) -> Presence:
        return presence(self.key, self.url, self.mesh.server.certificate, epoch=self.epoch)

    def hello(self) -> Hello:
        return Hello(version=1, agent="test", records=(sign_record(self.key, self.presence).envelope,))

    def serve(self, path: Path) -> None:
        """Hold `path` as RESOURCE, as it is now."""
        found = path.stat()
        self._served = Served(one_file(RESOURCE, found.st_size), [path], [found.st_mtime_ns], PIECES)

    async def _find(self, resource: str) -> Served | None:
        return self._served if resource == RESOURCE else None

    async def _gone(self, resource: str) -> None:
        self.gone.append(resource)

    async def _link_up(self, link: Link, records: list[Signed[Record]]) -> None:
        self.up.append(link)
        self.introduced.append([signed.record for signed in records])

    async def _link_down(self, link: Link) -> None:
        self.down.append(link)

    async def _token(self, link: Link, ask: Ask) -> Token:
        served = await self._find(ask.resource)
        return self.ranges.grant(link.peer, ask.resource, served.size_bytes if served else 0)


def at_address(announced: Presence, url: str) -> Presence:
    """A presence as it would read with another address."""
    return msgspec.structs.replace(announced, urls=(url,))


@asynccontextmanager
async def nodes(*numbers: int, max_links: int = 10, uploads_at_once: int = 16) -> AsyncIterator[list[Node]]:
    """Nodes that listen, one for each number, in the order of their peer ids."""
    limits = {"max_links": max_links, "uploads_at_once": uploads_at_once}
    made = sorted((Node(key(number), **limits) for number in numbers), key=lambda node: node.peer)
    try:
        for node in made:
            await node.mesh.server.listen("127.0.0.1", 0)
        yield made
    finally:
        for node in made:
            await node.mesh.close()
