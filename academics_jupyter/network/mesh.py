"""All links of a peer: admits them, keeps one for each other peer, routes what comes over them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct
from nacl.signing import SigningKey

from academics_jupyter.errors import AcademicsError, PeerRefusedError, PeerUnreachableError, RemoteProtocolError
from academics_jupyter.network.dialler import Dialler
from academics_jupyter.network.link import Link
from academics_jupyter.network.packets import MALFORMED
from academics_jupyter.network.server import LinkServer
from academics_jupyter.protocol.handshake import VERSION
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.mesh import keeps_new
from academics_jupyter.protocol.records import Presence, Record, Signed, convert, is_known, open_record
from academics_jupyter.protocol.wire import Done, Hello, Ping

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Struct)
Handle = Callable[[Link, M], Awaitable[Struct | bytes]]
LinkUp = Callable[[Link, list[Signed[Record]]], Awaitable[None]]
LinkDown = Callable[[Link], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Route:
    schema: type[Struct]
    handle: Callable[[Link, Any], Awaitable[Struct | bytes]]


class Mesh:
    """The server, the dialler and the links of one running peer.

    `hello` gives our own hello; `accepts` says whether a peer may link with us, and is asked of ourselves when a copy
    of us dials; `link_up` is told of each new link with the signed records of the other side's hello, `link_down` of
    each that ended.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        hello: Callable[[], Hello],
        accepts: Callable[[str], bool],
        link_up: LinkUp,
        link_down: LinkDown,
        routes: web.RouteTableDef | list[web.RouteDef],
        max_links: int,
        loopback: bool,
    ) -> None:
        self._me = peer_id(key)
        self._hello, self._link_up, self._link_down = hello, link_up, link_down
        self._routes: dict[str, _Route] = {}
        self._dialling: dict[str, asyncio.Task[Link]] = {}
        self._admitting = asyncio.Lock()
        self.links: dict[str, Link] = {}
        self.server = LinkServer(
            key,
            greet=self._greet,
            receive=self._receive,
            accepts=accepts,
            lost=self._lost,
            dialled=lambda: sum(link.direction == "out" for link in self.links.values()),
            routes=routes,
            max_links=max_links,
        )
        self._dialler = Dialler(key, hello=hello, receive=self._receive, lost=self._lost, loopback=loopback)
        self.on("ping", Ping, _answer_ping)

    def on(self, event: str, schema: type[M], handle: Handle[M]) -> None:
        """Handle `event`, whose data follows `schema`; what `handle` returns is the answer, bytes as an attachment."""
        self._routes[event] = _Route(schema, handle)

    async def dial(self, presence: Presence) -> Link:
        """The link with a peer, dialled if there is none. Raises as `Dialler.dial`."""
        if (link := self.links.get(presence.peer)) is not None and not link.down.is_set():
            return link
        task = self._dialling.get(presence.peer)
        if task is None:
            task = asyncio.create_task(self._dial(presence), name=f"academics-dial-{presence.name}")
            self._dialling[presence.peer] = task
            task.add_done_callback(lambda _done: self._dialling.pop(presence.peer, None))
        return await asyncio.shield(task)

    async def accepts(self, presence: Presence) -> bool:
        """As `Dialler.accepts`."""
        return await self._dialler.accepts(presence)

    async def close(self) -> None:
        """Hang up everywhere and stop serving."""
        for task in list(self._dialling.values()):
            task.cancel()
        await asyncio.gather(*self._dialling.values(), return_exceptions=True)
        await asyncio.gather(*(link.close() for link in list(self.links.values())), return_exceptions=True)
        self.links.clear()
        await self.server.close()

    async def _dial(self, presence: Presence) -> Link:
        try:
            link, welcome = await self._dialler.dial(presence)
        except PeerRefusedError as error:
            if error.code == "already_linked" and (kept := self.links.get(presence.peer)) is not None:
                return kept
            raise
        try:
            records = _introductions(link, welcome)
            await self._admit(link, records)
        except RemoteProtocolError as error:
            await link.close()
            if error.code == "already_linked" and (kept := self.links.get(presence.peer)) is not None:
                return kept
            raise
        except BaseException:
            await link.close()
            raise
        return link

    async def _greet(self, link: Link, hello: Hello) -> Hello:
        records = _introductions(link, hello)
        ours = self._hello()
        await self._admit(link, records)
        return ours

    async def _admit(self, link: Link, records: list[Signed[Record]]) -> None:
        """Raises RemoteProtocolError with code `already_linked` where another link is kept.

        Raises PeerUnreachableError where the link has gone down by now.
        """
        async with self._admitting:
            if link.down.is_set():
                raise PeerUnreachableError(f"The link with {link.name} went down.")
            old = self.links.get(link.peer)
            if old is not None and not old.down.is_set():
                if not keeps_new(old.facts, link.facts, self._me, link.peer):
                    raise RemoteProtocolError("there is another link with that peer", "already_linked")
                self.links[link.peer] = link
                await old.close()
            self.links[link.peer] = link
            log.debug("up: %r", link)
            await self._link_up(link, records)

    async def _lost(self, link: Link) -> None:
        if self.links.get(link.peer) is not link:
            return
        # One that goes down while it is admitted is told of as up first.
        async with self._admitting:
            if self.links.get(link.peer) is link:
                del self.links[link.peer]
                log.debug("down: %r", link)
                await self._link_down(link)

    async def _receive(self, link: Link, event: str, data: Any) -> dict[str, Any] | bytes:
        try:
            return await self._answer(link, event, data)
        except RemoteProtocolError as error:
            log.info("refused %r from %s: %s", event, link.name, error)
            return {"error": error.code}
        except AcademicsError as error:
            log.warning("could not handle %r from %s: %s", event, link.name, error)
            return {"error": "failed"}
        except Exception:
            log.exception("a fault of this program on %r from %s", event, link.name)
            return {"error": "failed"}

    async def _answer(self, link: Link, event: str, data: Any) -> dict[str, Any] | bytes:
        link.note_use(event)
        allowance = link.read_allowance if event == "read" else link.allowance
        if not allowance.take(int(time.monotonic() * 1000)):
            raise RemoteProtocolError("too many events at once", "too_fast")
        if event == MALFORMED:
            await link.close()
            raise RemoteProtocolError("a packet that cannot be read")
        route = self._routes.get(event)
        if route is None:
            raise RemoteProtocolError("there is no such event", "unknown_event")
        answer = await route.handle(link, convert(data, route.schema))
        if isinstance(answer, bytes):
            return answer
        built: dict[str, Any] = msgspec.to_builtins(answer)
        return built


def _introductions(link: Link, hello: Hello) -> list[Signed[Record]]:
    """The records of a hello, which must all be the other side's own and hold its presence.

    Those of a kind that is not known are left out: a later version may introduce itself with more.
    """
    if hello.version != VERSION:
        raise RemoteProtocolError("the other side speaks another version", "unsupported_version")
    records = [open_record(envelope) for envelope in hello.records if is_known(envelope)]
    presence = next((signed.record for signed in records if isinstance(signed.record, Presence)), None)
    if presence is None or any(signed.record.peer != link.peer for signed in records):
        raise RemoteProtocolError("a hello without a presence, or with someone else's records", "wrong_peer")
    link.introduce(presence)
    return records


async def _answer_ping(_link: Link, _ping: Ping) -> Done:
    return Done()


async def measure(link: Link) -> float:
    """The link's round trip in milliseconds, also kept on the link. Raises as `Link.call`."""
    start = time.perf_counter()
    try:
        await link.call("ping", Ping(), Done)
    except PeerUnreachableError:
        link.silent = True
        raise
    link.silent = False
    link.rtt_ms = (time.perf_counter() - start) * 1000
    return link.rtt_ms
