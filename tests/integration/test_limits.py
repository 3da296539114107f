"""Limits on transfers: how fast all of them together may be, how many are served at once, and what people see of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from academics_jupyter.network.dialler import pinned_session
from academics_jupyter.network.range_server import RESOURCES_PATH
from tests.meshes import RESOURCE, Node, nodes
from tests.processes import PeerProcess
from tests.waiting import wait_until_async

SIZE_BYTES = 64 << 20
"""More than the buffers on the way hold, so that what nobody reads stays under way."""
LIMIT = "1 MB/s"
SHARED_BYTES = 2 << 20
LOOK = """
async def seen(look):
    while not look():
        await asyncio.sleep(0.05)
    return True
"""
LINKED = "len([contact for contact in await peer.exploring.contacts() if contact.linked])"


@asynccontextmanager
async def asked(holder: Node, peer: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a peer's request for the whole file, which is not read and ends with the context."""
    headers = {
        "Authorization": f"Bearer {holder.ranges.grant(peer, RESOURCE, SIZE_BYTES).token}",
        "Range": f"bytes=0-{SIZE_BYTES - 1}",
    }
    async with (
        pinned_session(holder.mesh.server.certificate, loopback=True) as session,
        session.get(f"{holder.url}{RESOURCES_PATH}/{RESOURCE}", headers=headers) as response,
    ):
        yield response


async def is_served(holder: Node, peer: str) -> bool:
    """Whether a request is served when it is made now; a moment later it has ended again."""
    async with asked(holder, peer) as response:
        return response.status == 206


def hold(holder: Node, folder: Path) -> None:
    path = folder / "file"
    with path.open("wb") as file:
        file.truncate(SIZE_BYTES)
    holder.serve(path)


async def test_who_asks_above_the_cap_is_told_when_to_ask_again_and_is_served_then(tmp_path: Path) -> None:
    async with nodes(1, uploads_at_once=1) as (grace,):
        hold(grace, tmp_path)
        async with asked(grace, "ada") as served:
            assert served.status == 206
            async with asked(grace, "bob") as refused:
                assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        await wait_until_async(lambda: is_served(grace, "bob"), what="Bob's turn")


async def test_one_peer_leaves_room_for_others_and_gives_it_up_to_them(tmp_path: Path) -> None:
    async with nodes(1, uploads_at_once=5) as (grace,), AsyncExitStack() as transfers:
        hold(grace, tmp_path)

        async def begin(peer: str) -> AsyncExitStack | None:
            transfer = await transfers.enter_async_context(AsyncExitStack())
            answer = await transfer.enter_async_context(asked(grace, peer))
            return transfer if answer.status == 206 else None

        greedy = [await begin("ada") for _ in range(5)]
        assert [transfer is not None for transfer in greedy] == [True, True, True, True, False]
        assert await begin("bob")
        assert not await begin("bob")
        for transfer in greedy[:2]:
            assert transfer is not None
            await transfer.aclose()

        # Ada asks first each time, and yet it is Bob who gets the next one.
        async def bob_only() -> bool:
            assert not await begin("ada")
            return await begin("bob") is not None

        await wait_until_async(bob_only, what="Bob's second transfer")


@pytest.fixture
def enter(tmp_path: Path) -> Iterator[Callable[..., PeerProcess]]:
    """Start a process of somebody's; a second one of the same name is a passenger."""
    with ExitStack() as stack:

        def start(name: str, **environment: str) -> PeerProcess:
            return stack.enter_context(PeerProcess(tmp_path / name, name, environment=environment))

        yield start


@pytest.mark.parametrize("limited", ["sharer", "reader"])
def test_a_limited_transfer_is_whole_and_its_rate_is_seen_at_both_ends_and_by_passengers(
    tmp_path: Path, enter: Callable[..., PeerProcess], limited: str
) -> None:
    source = tmp_path / "data.bin"
    source.write_bytes(os.urandom(SHARED_BYTES))
    sharer = enter("sharer", **({"ACADEMICS_UPLOAD_LIMIT": LIMIT} if limited == "sharer" else {}))
    reader = enter("reader", **({"ACADEMICS_DOWNLOAD_LIMIT": LIMIT} if limited == "reader" else {}))
    passenger = enter("sharer")
    assert passenger.value("peer.status().role") == "passenger"
    resource = sharer.value(f"(await peer.share({str(source)!r})).id")
    sharer.value("peer.flushed()")
    for person in (sharer, reader):
        person.sees(LINKED, 1)
    # Each looks for itself and all the while: by turns, the last might come too late.
    looking = [
        (sharer, "'uploading 0 B/s' not in repr(peer.status())"),
        (passenger, "'uploading 0 B/s' not in repr(peer.status())"),
        (reader, "peer.status().rates.download > 0"),
    ]
    for person, _ in looking:
        person.value(LOOK)
    seen = [person.ask(f"seen(lambda: {what})") for person, what in looking]
    downloading = reader.ask(f"peer.download({resource!r})")
    assert [each.result(60) for each in seen] == [True] * len(seen)
    assert Path(downloading.result(60)).read_bytes() == source.read_bytes()
    for person in (sharer, passenger, reader):
        person.sees("'uploading 0 B/s, downloading 0 B/s' in repr(peer.status())")


def test_two_readers_of_a_sharer_that_serves_one_at_a_time_both_get_all(
    tmp_path: Path, enter: Callable[..., PeerProcess]
) -> None:
    source = tmp_path / "data.bin"
    source.write_bytes(os.urandom(SHARED_BYTES))
    sharer = enter("sharer", ACADEMICS_UPLOADS_AT_ONCE="1", ACADEMICS_UPLOAD_LIMIT=LIMIT)
    readers = [enter(name) for name in ("ada", "bob")]
    resource = sharer.value(f"(await peer.share({str(source)!r})).id")
    sharer.value("peer.flushed()")
    for person in (sharer, *readers):
        person.sees(LINKED, 2)
    for path in [reader.ask(f"peer.download({resource!r})") for reader in readers]:
        assert Path(path.result(60)).read_bytes() == source.read_bytes()
