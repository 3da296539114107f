"""Files over the link, where HTTPS does not reach the holder: whole and in order, or refused, and chat goes on."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from academics_jupyter.errors import NetworkError, PeerRefusedError, PeerUnreachableError
from academics_jupyter.network import read_server
from academics_jupyter.network.link import Link
from academics_jupyter.network.link_reader import LinkReader
from academics_jupyter.network.mesh import measure
from academics_jupyter.network.read_server import ReadServer
from academics_jupyter.protocol.window import MOST_BYTES
from academics_jupyter.protocol.wire import (
    EVENTS_AT_ONCE,
    MAX_READ_BYTES,
    READS_UNDER_WAY,
    Allowance,
    Done,
    Ping,
    Read,
    Token,
)
from tests.fault_proxy import FaultProxy
from tests.hostile import ENDS_WITHIN_S, Attacker
from tests.meshes import PIECES, RESOURCE, Node, at_address, key, nodes
from tests.waiting import wait_until_async

PIECE_BYTES = 1 << 20
CONTENT = os.urandom(3 * PIECE_BYTES) + b"the end"
DIRECTIONS = pytest.mark.parametrize("dialler", ["reader", "holder"])


async def link_between(reader: Node, holder: Node, dialler: str = "holder") -> Link:
    """The reader's end of a link that one of the two dials."""
    if dialler == "reader":
        return await reader.mesh.dial(holder.presence)
    await holder.mesh.dial(reader.presence)
    await wait_until_async(lambda: holder.peer in reader.mesh.links and reader.up, what="the link at the other end")
    return reader.mesh.links[holder.peer]


def held(holder: Node, folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    holder.serve(path)
    return path


def reader_of(node: Node, link: Link, **options: Any) -> LinkReader:
    return LinkReader(link, RESOURCE, node.limiter, **options)


def spans(size_bytes: int, step: int = PIECE_BYTES) -> list[tuple[int, int]]:
    return [(start, min(start + step, size_bytes)) for start in range(0, size_bytes, step)]


async def collect(reader: LinkReader, size_bytes: int = len(CONTENT), step: int = PIECE_BYTES) -> list[bytes]:
    return [data async for data in reader.read(spans(size_bytes, step))]


async def refused(reader: LinkReader, start: int = 0, end: int = len(CONTENT)) -> str:
    with pytest.raises(PeerRefusedError) as error:
        async for _ in reader.read([(start, end)]):
            pass
    return error.value.code


@DIRECTIONS
async def test_pieces_and_their_hashes_come_whole_and_in_order(tmp_path: Path, dialler: str) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path)
        reader = reader_of(ada, await link_between(ada, grace, dialler))
        assert await reader.whole("pieces", len(PIECES)) == PIECES
        assert await collect(reader) == [CONTENT[start:end] for start, end in spans(len(CONTENT))]
        assert b"".join(await collect(reader, 50_000, 777)) == CONTENT[:50_000]
        scattered = [(len(CONTENT) - 1, len(CONTENT)), (0, 1), (5, 5), (1_000_000, 2_500_000)]
        assert [data async for data in reader.read(scattered)] == [CONTENT[start:end] for start, end in scattered]
        assert grace.ranges.sent_bytes == len(CONTENT) + 50_000 + 2 + 1_500_000


async def test_many_short_pieces_take_few_reads(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path)
        link = await link_between(ada, grace)
        answering, reads = ReadServer(grace.ranges), list[Read]()

        async def answer(link: Link, read: Read) -> bytes:
            reads.append(read)
            return await answering.answer(link, read)

        grace.mesh.on("read", Read, answer)
        assert b"".join(await collect(reader_of(ada, link), 1_000_000, 100)) == CONTENT[:1_000_000]
        assert len(reads) < 100


@DIRECTIONS
async def test_both_ends_of_a_link_read_from_each_other_at_once(tmp_path: Path, dialler: str) -> None:
    async with nodes(1, 2) as (ada, grace):
        link = await link_between(ada, grace, dialler)
        await wait_until_async(lambda: ada.peer in grace.mesh.links, what="the link at the other end")
        other = CONTENT[::-1]
        for node, content in ((ada, CONTENT), (grace, other)):
            (tmp_path / node.peer).mkdir()
            held(node, tmp_path / node.peer, content)
        came = await asyncio.gather(
            collect(reader_of(ada, link)),
            collect(reader_of(grace, grace.mesh.links[ada.peer])),
            collect(reader_of(ada, link)),
        )
        assert [b"".join(each) for each in came] == [other, CONTENT, other]


@DIRECTIONS
async def test_messages_are_answered_while_a_long_transfer_goes_on(tmp_path: Path, dialler: str) -> None:
    async with nodes(1, 2) as (ada, grace):
        size_bytes = 64 << 20
        with (tmp_path / "file").open("wb") as file:
            file.truncate(size_bytes)
        grace.serve(tmp_path / "file")
        link = await link_between(ada, grace, dialler)
        back = grace.mesh.links[ada.peer]
        got_bytes, answered_at = 0, list[int]()
        ended = asyncio.Event()

        async def chat() -> None:
            while not ended.is_set():
                await measure(link)
                await measure(back)
                answered_at.append(got_bytes)

        chatting = asyncio.create_task(chat())
        async for data in reader_of(ada, link).read(spans(size_bytes)):
            got_bytes += len(data)
        ended.set()
        await chatting
        assert got_bytes == size_bytes
        # Not all before and after it, but at many places on the way.
        assert len(set(answered_at) - {0, size_bytes}) > 5


async def test_a_reader_that_takes_nothing_is_sent_no_more_than_its_window(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path, bytes(32 << 20))
        link = await link_between(ada, grace)
        async with aclosing(reader_of(ada, link).read(spans(32 << 20))) as chunks:
            await anext(chunks)
            for _ in range(200):
                await measure(link)
            assert grace.ranges.sent_bytes <= PIECE_BYTES + MAX_READ_BYTES + MOST_BYTES
        await measure(link)


async def test_a_transfer_that_is_given_up_leaves_room_for_the_next(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path)
        reader = reader_of(ada, await link_between(ada, grace))
        for _ in range(20):
            async with aclosing(reader.read(spans(len(CONTENT)))) as chunks:
                await anext(chunks)
        assert b"".join(await collect(reader)) == CONTENT


async def test_what_goes_over_a_link_counts_in_the_limits_of_both_ends(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path)
        reader = reader_of(ada, await link_between(ada, grace))
        await collect(reader)
        assert ada.limiter.total_bytes == grace.limiter.total_bytes == len(CONTENT)


# Holders that cannot or will not


async def test_what_is_not_held_or_beyond_the_end_is_refused_as_such(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        link = await link_between(ada, grace)
        assert await refused(reader_of(ada, link)) == "not_held"
        held(grace, tmp_path)
        reader = reader_of(ada, link)
        assert await refused(reader, len(CONTENT) - 1, len(CONTENT) + 1) == "malformed"
        assert await refused(LinkReader(link, "0f" * 32, ada.limiter)) == "not_held"
        with pytest.raises(PeerRefusedError):
            await reader.whole("pieces", len(PIECES) + 1)
        assert grace.ranges.sent_bytes == 0
        assert b"".join(await collect(reader)) == CONTENT


@pytest.mark.parametrize("happens", ["changed", "cut short", "removed"])
async def test_a_file_that_changes_in_the_middle_is_not_held_any_more(tmp_path: Path, happens: str) -> None:
    async with nodes(1, 2) as (ada, grace):
        path = held(grace, tmp_path, bytes(32 << 20))
        reader = reader_of(ada, await link_between(ada, grace))
        chunks = reader.read(spans(32 << 20))
        await anext(chunks)
        if happens == "changed":
            os.utime(path, ns=(1, 1))
        elif happens == "cut short":
            os.truncate(path, 1)
        else:
            path.unlink()
        with pytest.raises(PeerRefusedError) as error:
            async for _ in chunks:
                pass
        assert error.value.code == "not_held"
        assert RESOURCE in grace.gone


@DIRECTIONS
async def test_a_link_that_goes_down_in_the_middle_ends_the_transfer_at_once(tmp_path: Path, dialler: str) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path, bytes(64 << 20))
        link = await link_between(ada, grace, dialler)
        chunks = reader_of(ada, link, patience_s=600).read(spans(64 << 20))
        await anext(chunks)
        await grace.mesh.links[ada.peer].close()
        with pytest.raises(PeerUnreachableError, match="down"):
            async for _ in chunks:
                pass
        assert grace.ranges.sent_bytes < 64 << 20


async def test_a_holder_that_falls_silent_is_given_up_and_may_go_on_later(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path)
        with FaultProxy(("127.0.0.1", grace.mesh.server.port)) as proxy:
            link = await ada.mesh.dial(at_address(grace.presence, f"https://{proxy.host}:{proxy.port}"))
            proxy.stall()
            with pytest.raises(PeerUnreachableError, match="did not answer"):
                await collect(reader_of(ada, link, patience_s=0.2))
            proxy.carry()
            assert b"".join(await collect(reader_of(ada, link))) == CONTENT


async def test_a_slow_line_is_read_too_and_messages_get_through(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        held(grace, tmp_path, CONTENT[:PIECE_BYTES])
        with FaultProxy(("127.0.0.1", grace.mesh.server.port)) as proxy:
            link = await ada.mesh.dial(at_address(grace.presence, f"https://{proxy.host}:{proxy.port}"))
            proxy.carry(bytes_per_s=1_000_000)
            reading = asyncio.create_task(collect(reader_of(ada, link), PIECE_BYTES))
            answered = 0
            while not reading.done():
                await measure(link)
                answered += 1
            assert b"".join(await reading) == CONTENT[:PIECE_BYTES]
            assert answered > 5


async def test_who_serves_as_many_as_it_may_says_so_and_serves_the_next_when_one_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_server, "SLOT_IDLE_S", 0.05)
    async with nodes(1, uploads_at_once=1) as (grace,), nodes(2, 3) as (ada, eve):
        held(grace, tmp_path)
        first, second = [reader_of(node, await link_between(node, grace, "reader")) for node in (ada, eve)]
        chunks = first.read(spans(len(CONTENT)))
        await anext(chunks)
        assert await refused(second) == "busy"
        await chunks.aclose()

        async def is_served() -> bool:
            try:
                return b"".join(await collect(second)) == CONTENT
            except PeerRefusedError:
                return False

        await wait_until_async(is_served, what="the other reader's turn")


async def test_a_long_transfer_lets_others_have_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_server, "SLOT_BYTES", 8 * MAX_READ_BYTES)
    async with nodes(1, uploads_at_once=1) as (grace,), nodes(2, 3) as (ada, eve):
        held(grace, tmp_path, bytes(32 << 20))
        here = reader_of(ada, await link_between(ada, grace, "reader"))
        other = reader_of(eve, await link_between(eve, grace, "reader"))
        chunks = here.read(spans(32 << 20))
        await anext(chunks)
        assert await refused(other, 0, 1) == "busy"
        with pytest.raises(PeerRefusedError) as error:
            async for _ in chunks:
                pass
        assert error.value.code == "busy"
        assert [data async for data in other.read([(0, 1)])] == [b"\0"]


# Peers that misbehave


def lying(holder: Node, answer: Callable[[Read], Any]) -> None:
    """Have a node answer reads with something else."""

    async def lie(_link: Link, read: Read) -> Any:
        return answer(read)

    holder.mesh.on("read", Read, lie)


@DIRECTIONS
@pytest.mark.parametrize("answer", [b"short", Done(), Token(token="ab" * 32, size_bytes=1, lifetime_ms=1)])
async def test_an_answer_that_is_not_the_bytes_asked_for_is_refused(dialler: str, answer: Any) -> None:
    async with nodes(1, 2) as (ada, grace):
        lying(grace, lambda _read: answer)
        link = await link_between(ada, grace, dialler)
        assert await refused(reader_of(ada, link)) == "malformed"
        await measure(link)


@DIRECTIONS
@pytest.mark.parametrize("more", [1, MAX_READ_BYTES, None], ids=["one more", "far more", "no bytes"])
async def test_no_bytes_and_more_than_were_asked_for_end_the_link(dialler: str, more: int | None) -> None:
    async with nodes(1, 2) as (ada, grace):
        lying(grace, lambda read: b"" if more is None else bytes(read.length + more))
        link = await link_between(ada, grace, dialler)
        with pytest.raises(PeerUnreachableError, match="down"):
            await collect(reader_of(ada, link))
        await wait_until_async(lambda: not ada.mesh.links and not grace.mesh.links, what="the link's end")


async def test_bytes_that_the_server_sends_unasked_end_the_link() -> None:
    async with nodes(1, 2) as (ada, grace):
        link = await ada.mesh.dial(grace.presence)
        (session,) = grace.mesh.server._sio.eio.sockets
        await grace.mesh.server._sio.eio.send(session, b"unasked")
        await wait_until_async(lambda: not ada.mesh.links and not grace.mesh.links, what="the link's end")
        assert link.down.is_set()


async def test_an_answer_to_another_event_cannot_be_bytes() -> None:
    async with nodes(1, 2) as (ada, grace):

        async def lie(_link: Link, _ping: Ping) -> Any:
            return b"bytes"

        grace.mesh.on("ping", Ping, lie)
        link = await ada.mesh.dial(grace.presence)
        with pytest.raises(PeerUnreachableError):
            await link.call("ping", Ping(), Done)
        await wait_until_async(lambda: not ada.mesh.links, what="the link's end")


@asynccontextmanager
async def attacked() -> AsyncIterator[tuple[Node, Attacker]]:
    """A node, and an attacker that has linked with it."""
    async with nodes(2) as (grace,):
        server = grace.mesh.server
        attacker = Attacker(key(3), grace.url, server._me, server.certificate)
        try:
            await attacker.link()
            yield grace, attacker
        finally:
            await attacker.close()


async def next_read(attacker: Attacker) -> int:
    """The number of the next read that the attacker is sent."""
    while '["read",' not in (frame := await attacker.receive()):
        pass
    return int(frame[2 : frame.index("[")])


async def test_an_attachment_that_is_withheld_keeps_nobody_waiting_and_its_place_is_for_it_alone() -> None:
    async with attacked() as (grace, mallory):
        link = grace.mesh.links[mallory_id(grace)]
        reading = asyncio.create_task(collect(reader_of(grace, link, patience_s=0.3)))
        number = await next_read(mallory)
        await mallory.send(f'461-{number}[{{"_placeholder":true,"num":0}}]', "3")
        with pytest.raises(PeerUnreachableError, match="did not answer"):
            await reading
        assert not link.down.is_set()
        await mallory.send('429["ping",{}]')
        await mallory.until_ended_or_disconnected()
        await wait_until_async(lambda: not grace.mesh.links, what="the link's end")


@pytest.mark.parametrize(
    "frames",
    [
        ['462-{}[{{"_placeholder":true,"num":0}},{{"_placeholder":true,"num":1}}]', b"x", b"x"],
        ['469999999999-{}[{{"_placeholder":true,"num":0}}]'],
        ['461-{}[{{"_placeholder":true,"num":7}}]', b"x"],
        ['461-99999[{{"_placeholder":true,"num":0}}]', b"x"],
        [b"x"],
        ['461-{}[{{"_placeholder":true,"num":0}}]', b"x" * (MAX_READ_BYTES + 1)],
        ['461-{}[{{"_placeholder":true,"num":0}}]', '461-{}[{{"_placeholder":true,"num":0}}]'],
        ['461-{}[{{"_placeholder":true,"num":0}}]', b"x" * 16_384, b"x"],
        ['43{}[{{"error":"failed"}}]', '461-{}[{{"_placeholder":true,"num":0}}]'],
    ],
    ids=[
        "two",
        "without end",
        "no such",
        "another's",
        "unannounced",
        "too long",
        "announced twice",
        "two for one",
        "late",
    ],
)
async def test_binary_that_is_not_the_answer_ends_the_link(frames: list[str | bytes]) -> None:
    async with attacked() as (grace, mallory):
        link = grace.mesh.links[mallory_id(grace)]
        reading = asyncio.create_task(collect(reader_of(grace, link)))
        number = await next_read(mallory)
        await mallory.send(*(frame.format(number) if isinstance(frame, str) else frame for frame in frames))
        await mallory.until_ended_or_disconnected()
        with pytest.raises(NetworkError):
            await reading
        await wait_until_async(lambda: not grace.mesh.links, what="the link's end")


async def test_who_asks_for_everything_and_takes_nothing_holds_little_of_ours(tmp_path: Path) -> None:
    async with attacked() as (grace, mallory):
        held(grace, tmp_path, bytes(64 << 20))
        marked = asyncio.Event()

        async def mark(_link: Link, _ping: Ping) -> Done:
            marked.set()
            return Done()

        grace.mesh.on("mark", Ping, mark)
        read = {"resource": RESOURCE, "what": "bytes", "start": 0, "length": MAX_READ_BYTES}
        reads = (f"42{number}" + json.dumps(["read", read], separators=(",", ":")) for number in range(100, 900))
        await mallory.send(*reads, '429["mark",{}]')
        await marked.wait()
        # 200 MiB were asked for.
        assert grace.ranges.sent_bytes <= READS_UNDER_WAY * MAX_READ_BYTES
        async with nodes(1) as (ada,):
            await measure(await ada.mesh.dial(grace.presence))
        await mallory.close()
        await wait_until_async(lambda: not grace.mesh.links, what="the link's end")


async def test_reads_have_an_allowance_of_their_own(tmp_path: Path) -> None:
    async with attacked() as (grace, mallory):
        held(grace, tmp_path)
        wanted = {"resource": RESOURCE, "what": "bytes", "start": 0, "length": 1}
        answers = [await asked_frame(mallory, number, wanted) for number in range(EVENTS_AT_ONCE + 10)]
        assert {frame[:4] for frame in answers} == {"461-"}
        # However slow the machine, nothing is refilled meanwhile.
        grace.mesh.links[mallory_id(grace)].read_allowance = Allowance(0, at_once=1, per_second=0)
        answers = [await asked_frame(mallory, number, wanted) for number in range(READS_UNDER_WAY)]
        assert any('"too_fast"' in frame for frame in answers)
        assert await mallory.ask("ping", {}) == {"done": True}


async def asked_frame(attacker: Attacker, number: int, wanted: dict[str, Any]) -> str:
    """The text that a read is answered with; what is attached is taken too."""
    await attacker.send(f"42{number}" + json.dumps(["read", wanted]))
    while not (frame := await attacker.receive()).startswith(("43", "461-")):
        pass
    if frame.startswith("461-"):
        assert (await attacker.socket.receive(ENDS_WITHIN_S)).data == CONTENT[wanted["start"] :][: wanted["length"]]
    return frame


def mallory_id(grace: Node) -> str:
    (peer,) = grace.mesh.links
    return peer
