"""Links between real meshes: dials that cross, losses, refusals, limits, and files over ranges."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from academics_jupyter.errors import PeerRefusedError, PeerUnreachableError, RemoteProtocolError
from academics_jupyter.network.dialler import pinned_session
from academics_jupyter.network.link import Link
from academics_jupyter.network.mesh import measure
from academics_jupyter.protocol.wire import EVENTS_AT_ONCE, Ask, Done, Ping, Token
from tests.fault_proxy import FaultProxy
from tests.meshes import PIECES, RESOURCE, Node, key, nodes, presence
from tests.ranges import Holder
from tests.waiting import wait_until_async

CONTENT = bytes(range(256)) * 4096 * 3 + b"the end"


async def linked(one: Node, other: Node) -> tuple[Link, Link]:
    """Both ends of a link that `one` dials."""
    end = await one.mesh.dial(other.presence)
    await wait_until_async(lambda: one.peer in other.mesh.links and other.up, what="the link at the other end")
    return end, other.mesh.links[one.peer]


def connections(node: Node) -> int:
    server = node.mesh.server._runner.server
    return len(server.connections) if server else 0


async def refused(link: Link, event: str, data: Any) -> str:
    """The code that sending `data`, whatever it is, is answered with."""

    class Raw(msgspec.Struct, frozen=True):
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(msgspec, "to_builtins", lambda _message: data)
        with pytest.raises(PeerRefusedError) as error:
            await link.call(event, Raw(), Done)
    return error.value.code


async def test_a_dial_makes_one_link_that_both_ends_know() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        assert ada.mesh.links == {grace.peer: here}
        assert grace.mesh.links == {ada.peer: there}
        assert (here.direction, there.direction) == ("out", "in")
        assert (here.name, there.name) == (grace.presence.name, ada.presence.name)
        assert (ada.up, grace.up) == ([here], [there])
        assert (ada.introduced, grace.introduced) == ([[grace.presence]], [[ada.presence]])
        assert await measure(here) == here.rtt_ms > 0
        assert await measure(there) == there.rtt_ms > 0


async def test_a_second_dial_gives_the_link_there_is() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, _ = await linked(ada, grace)
        assert await ada.mesh.dial(grace.presence) is here
        assert len(ada.up) == len(grace.up) == 1


async def test_dials_at_once_from_one_side_are_one_dial() -> None:
    async with nodes(1, 2) as (ada, grace):
        first, second = await asyncio.gather(ada.mesh.dial(grace.presence), ada.mesh.dial(grace.presence))
        assert first is second
        assert len(ada.up) == len(grace.up) == 1


def agreed(one: Node, other: Node) -> bool:
    links = one.mesh.links.get(other.peer), other.mesh.links.get(one.peer)
    return all(link is not None and not link.down.is_set() for link in links)


@pytest.mark.parametrize("turn", range(6))
async def test_dials_that_cross_leave_one_link_and_the_same_at_both_ends(turn: int) -> None:
    async with nodes(1 + turn, 101 + turn) as (smaller, greater):
        results = await asyncio.gather(
            smaller.mesh.dial(greater.presence), greater.mesh.dial(smaller.presence), return_exceptions=True
        )
        assert any(isinstance(result, Link) for result in results)
        await wait_until_async(lambda: agreed(smaller, greater), what="a link at both ends")
        here, there = smaller.mesh.links[greater.peer], greater.mesh.links[smaller.peer]
        assert here.facts.dialler == there.facts.dialler == smaller.peer
        await measure(here)
        await measure(there)
        others = [link for link in (*smaller.up, *greater.up) if link not in (here, there)]
        assert all(link.down.is_set() for link in others)


async def test_many_peers_that_all_dial_each_other_are_linked_once_each() -> None:
    async with nodes(*range(1, 7)) as peers:
        pairs = [(one, other) for one in peers for other in peers if one is not other]
        await asyncio.gather(*(one.mesh.dial(other.presence) for one, other in pairs), return_exceptions=True)
        await wait_until_async(lambda: all(agreed(one, other) for one, other in pairs), what="all links")
        for one, other in pairs:
            facts = one.mesh.links[other.peer].facts, other.mesh.links[one.peer].facts
            assert facts[0].dialler == facts[1].dialler
            await measure(one.mesh.links[other.peer])


async def test_a_clean_close_is_seen_at_the_other_end_and_can_be_dialled_again() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        await here.close()
        await wait_until_async(lambda: grace.down and ada.down, what="the loss")
        assert (ada.mesh.links, grace.mesh.links) == ({}, {})
        assert (ada.down, grace.down) == ([here], [there])
        again, _ = await linked(ada, grace)
        assert again is not here
        await measure(again)


async def test_the_side_that_was_dialled_can_hang_up() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        await there.close()
        await wait_until_async(lambda: grace.down and ada.down, what="the loss")
        assert here.down.is_set()
        assert (ada.mesh.links, grace.mesh.links) == ({}, {})


async def test_a_call_on_a_link_that_goes_down_ends_at_once() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        asked = asyncio.Event()

        async def never(_link: Link, _ping: Ping) -> Done:
            asked.set()
            await asyncio.Event().wait()
            return Done()

        grace.mesh.on("wait", Ping, never)
        call = asyncio.create_task(here.call("wait", Ping(), Done, timeout_s=600))
        await asked.wait()
        await there.close()
        with pytest.raises(PeerUnreachableError, match="went down"):
            await asyncio.wait_for(call, 10)
        with pytest.raises(PeerUnreachableError, match="is down"):
            await here.call("ping", Ping(), Done)


async def test_a_call_that_is_not_answered_ends_in_its_time() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, _ = await linked(ada, grace)

        async def never(_link: Link, _ping: Ping) -> Done:
            await here.down.wait()
            return Done()

        grace.mesh.on("wait", Ping, never)
        with pytest.raises(PeerUnreachableError, match="did not answer"):
            await here.call("wait", Ping(), Done, timeout_s=0.05)
        await measure(here)


async def test_a_link_lost_while_it_is_admitted_is_not_kept() -> None:
    async with nodes(1, 2) as (ada, grace):
        admitting, go_on, told = asyncio.Event(), asyncio.Event(), []

        async def slowly(link: Link, _records: Any) -> None:
            admitting.set()
            await go_on.wait()
            told.append(("up", link.peer))

        async def down(link: Link) -> None:
            told.append(("down", link.peer))

        grace.mesh._link_up, grace.mesh._link_down = slowly, down
        dial = asyncio.create_task(ada.mesh.dial(grace.presence))
        await admitting.wait()
        dial.cancel()
        task = ada.mesh._dialling[grace.peer]
        task.cancel()
        await asyncio.gather(dial, task, return_exceptions=True)
        await wait_until_async(lambda: not grace.mesh.server._sessions, what="the session's end")
        go_on.set()
        await wait_until_async(lambda: not grace.mesh.links, what="the loss")
        await wait_until_async(lambda: len(told) == 2, what="both notes")
        assert told == [("up", ada.peer), ("down", ada.peer)]
        grace.mesh._link_up = grace._link_up
        await linked(ada, grace)


async def test_a_peer_that_started_anew_replaces_its_old_link() -> None:
    async with nodes(1, 2) as (ada, grace):
        _, old = await linked(grace, ada)
        newborn = Node(grace.key)
        newborn.epoch = 2
        await newborn.mesh.server.listen("127.0.0.1", 0)
        try:
            await newborn.mesh.dial(ada.presence)
            new = ada.mesh.links[grace.peer]
            assert new is not old
            assert old.down.is_set()
            assert new.facts.remote_epoch == 2
            await measure(new)
        finally:
            await newborn.mesh.close()


async def test_a_wrong_pin_reaches_no_application_code() -> None:
    async with nodes(1, 2) as (ada, grace):
        wrong = msgspec.structs.replace(grace.presence, certificate="ab" * 32)
        with pytest.raises(PeerUnreachableError):
            await ada.mesh.dial(wrong)
        assert grace.mesh.server._challenges._given == {}
        assert (grace.up, ada.up, ada.mesh.links) == ([], [], {})


async def test_a_server_that_is_another_peer_is_not_linked_with() -> None:
    async with nodes(1, 2) as (ada, grace):
        wrong = presence(key(3), grace.url, grace.mesh.server.certificate)
        with pytest.raises(PeerRefusedError) as error:
            await ada.mesh.dial(wrong)
        assert error.value.code == "wrong_peer"
        assert (grace.up, ada.up) == ([], [])


async def test_nobody_at_the_address_is_told_in_one_line() -> None:
    async with nodes(1) as (ada,):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        absent = presence(key(2), f"https://127.0.0.1:{port}", "ab" * 32, name="Grace")
        with pytest.raises(PeerUnreachableError, match=rf"^Grace could not be reached at https://127.0.0.1:{port}\.$"):
            await ada.mesh.dial(absent)


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b:443",
        f"https://{'a' * 64}.example:443",
        "https://\u200b:443",
        "https://*:443",
        "https://169.254.43518:443",
        "https://2852039166:443",
        "https://0xa9fea9fe:443",
        "https://[fe80::1]:443",
        "not a url",
    ],
)
async def test_a_strange_address_is_unreachable_and_nothing_worse(url: str) -> None:
    async with nodes(1) as (ada,):
        with pytest.raises(PeerUnreachableError):
            await ada.mesh.dial(presence(key(2), url, "ab" * 32))
        async with Holder(presence(key(2), url, "ab" * 32), RESOURCE, "0" * 64, loopback=True) as holder:
            with pytest.raises(PeerUnreachableError):
                await holder.pieces(1)


async def test_the_next_address_is_tried() -> None:
    async with nodes(1, 2) as (ada, grace):
        urls = ("https://169.254.169.254:443", "https://a..b:1", grace.url)
        assert (await ada.mesh.dial(msgspec.structs.replace(grace.presence, urls=urls))).peer == grace.peer


async def test_a_number_that_means_this_machine_is_not_connected_to_from_elsewhere() -> None:
    """`0x7f000001` is an address to the resolver alone."""
    async with nodes(1) as (ada,):
        reached = asyncio.Event()
        server = await asyncio.start_server(lambda *_: reached.set(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            ada.mesh._dialler._loopback = False
            with pytest.raises(PeerUnreachableError):
                await ada.mesh.dial(presence(key(2), f"https://0x7f000001:{port}", "ab" * 32))
            assert not reached.is_set()
        finally:
            server.close()


async def test_a_blocked_peer_is_refused_and_told_so() -> None:
    async with nodes(1, 2) as (ada, grace):
        grace.blocked.add(ada.peer)
        with pytest.raises(PeerRefusedError) as error:
            await ada.mesh.dial(grace.presence)
        assert error.value.code == "blocked"
        assert grace.up == []
        grace.blocked.clear()
        await linked(ada, grace)


async def test_no_more_links_than_the_cap_are_taken_and_one_that_ends_makes_room() -> None:
    async with nodes(1, max_links=2) as (host,), nodes(2, 3, 4) as (one, two, three):
        first, _ = await linked(one, host)
        await linked(two, host)
        with pytest.raises(PeerRefusedError) as error:
            await three.mesh.dial(host.presence)
        assert error.value.code == "too_many"
        await first.close()
        await wait_until_async(lambda: host.down, what="the loss")
        await linked(three, host)


async def test_unknown_and_malformed_events_are_answered_with_their_codes() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        for link in (here, there):
            assert await refused(link, "no_such_event", {}) == "unknown_event"
            assert await refused(link, "hello", {}) == "unknown_event"
            assert await refused(link, "token", None) == "malformed"
            assert await refused(link, "token", {"resource": {"$ne": None}}) == "malformed"
            assert await refused(link, "token", {"resource": 10**4_000}) == "malformed"
            assert await refused(link, "ping", []) == "malformed"
            await measure(link)


async def test_an_answer_that_breaks_its_schema_is_theirs_to_answer_for() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        for answer in (None, [], {"token": {"$ne": None}}, {"error": {"$ne": None}}, {"error": "x" * 100}):

            async def lie(_link: Link, _event: str, _data: Any, answer: Any = answer) -> Any:
                return answer

            grace.mesh.server._receive = lie
            with pytest.raises(RemoteProtocolError):
                await here.call("token", Ask(resource=RESOURCE), Token)
        assert not here.down.is_set()
        await measure(there)


@pytest.mark.expects_errors("a fault of this program on 'fault'")
async def test_a_fault_of_a_handler_is_answered_and_the_link_goes_on() -> None:
    async with nodes(1, 2) as (ada, grace):
        here, _ = await linked(ada, grace)

        async def fault(_link: Link, _ping: Ping) -> Done:
            raise ZeroDivisionError("secret detail")

        grace.mesh.on("fault", Ping, fault)
        with pytest.raises(PeerRefusedError) as error:
            await here.call("fault", Ping(), Done)
        assert error.value.code == "failed"
        assert "secret" not in str(error.value)
        await measure(here)


async def test_who_sends_too_fast_is_told_and_may_go_on_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with nodes(1, 2) as (ada, grace):
        here, there = await linked(ada, grace)
        results = await asyncio.gather(
            *(here.call("ping", Ping(), Done) for _ in range(2 * EVENTS_AT_ONCE)), return_exceptions=True
        )
        codes = {error.code for error in results if isinstance(error, PeerRefusedError)}
        answered = sum(isinstance(result, Done) for result in results)
        assert codes == {"too_fast"}
        assert EVENTS_AT_ONCE <= answered < 2 * EVENTS_AT_ONCE
        await measure(there)
        there.allowance._left = 1
        await measure(here)


# Files


async def token(link: Link, resource: str = RESOURCE) -> str:
    return (await link.call("token", Ask(resource=resource), Token)).token


async def served(tmp_path: Path, ada: Node, grace: Node) -> tuple[Path, str]:
    """Grace serves a file; Ada has a token for it."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    grace.serve(path)
    link, _ = await linked(ada, grace)
    return path, await token(link)


async def test_ranges_are_equal_bytes(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        _, given = await served(tmp_path, ada, grace)
        async with Holder(grace.presence, RESOURCE, given, loopback=True) as holder:
            assert await holder.pieces(2) == PIECES
            for start, end in ((0, len(CONTENT)), (0, 1), (1, 2_000_000), (len(CONTENT) - 1, len(CONTENT))):
                assert await holder.read(start, end) == CONTENT[start:end]
        assert grace.ranges.sent_bytes == len(CONTENT) + 1 + 1_999_999 + 1


async def get(node: Node, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    async with (
        pinned_session(node.mesh.server.certificate, loopback=True) as session,
        session.get(node.url + path, headers=headers) as response,
    ):
        await response.read()
        return response.status, dict(response.headers)


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-",
        "bytes=-5",
        "bytes=5-4",
        "bytes=0-99999999",
        "bytes=0-9999999999999999999",
        "bytes=0-1,3-4",
        "bytes=٠-١",
        "items=0-1",
        "bytes=0-1\t",
        "",
    ],
)
async def test_a_range_that_cannot_be_served_is_416(tmp_path: Path, asked: str) -> None:
    async with nodes(1, 2) as (ada, grace):
        _, given = await served(tmp_path, ada, grace)
        path = f"/academics/resources/{RESOURCE}"
        status, headers = await get(grace, path, Authorization=f"Bearer {given}", Range=asked.encode().decode("latin1"))
        if asked == "bytes=0-1\t":  # white space at the end of a header is not part of it
            assert status == 206
            return
        assert (status, headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
        assert (await get(grace, path, Authorization=f"Bearer {given}"))[0] == 416


async def test_without_the_right_token_there_is_nothing_to_be_had(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        _, given = await served(tmp_path, ada, grace)
        other = grace.ranges.grant(ada.peer, "0f" * 32, 1).token
        for path in (f"/academics/resources/{RESOURCE}", f"/academics/resources/{RESOURCE}/pieces"):
            for authorization in (
                "",
                "Bearer",
                "Bearer ",
                f"Basic {given}",
                given,
                f"Bearer {given}x",
                f"Bearer {other}",
            ):
                assert (await get(grace, path, Authorization=authorization, Range="bytes=0-1"))[0] == 401
            assert (await get(grace, path, Range="bytes=0-1"))[0] == 401
        assert grace.ranges.sent_bytes == 0


async def test_a_token_ends(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        _, given = await served(tmp_path, ada, grace)
        grant = grace.ranges._grants[given]
        grace.ranges._grants[given] = type(grant)(grant.peer, grant.resource, 0.0)
        path = f"/academics/resources/{RESOURCE}"
        assert (await get(grace, path, Authorization=f"Bearer {given}", Range="bytes=0-1"))[0] == 401


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 63, "0" * 65, "AB" * 32, "%2e%2e/x", "0" * 64 + "/x", ""])
async def test_only_whole_ids_are_paths(name: str) -> None:
    async with nodes(1) as (ada,):
        assert (await get(ada, f"/academics/resources/{name}"))[0] == 404


def changed(path: Path) -> None:
    path.write_bytes(CONTENT[:-1] + b"!")
    os.utime(path, ns=(1, 1))


def replaced_by_a_link(path: Path) -> None:
    secret = path.with_name("secret")
    path.rename(secret)
    path.symlink_to(secret)


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "happens",
    [changed, Path.unlink, replaced_by_a_link, replaced_by_a_pipe, replaced_by_a_folder],
    ids=lambda f: f.__name__,
)
async def test_a_file_that_is_no_longer_the_one_that_was_hashed_is_not_served(tmp_path: Path, happens: Any) -> None:
    async with nodes(1, 2) as (ada, grace):
        path, given = await served(tmp_path, ada, grace)
        happens(path)
        async with Holder(grace.presence, RESOURCE, given, loopback=True) as holder:
            await holder.pieces(2)
            with pytest.raises(PeerRefusedError) as error:
                await holder.read(0, 10)
        assert error.value.code == "not_held"
        assert grace.gone == [RESOURCE]
        assert grace.ranges.sent_bytes == 0


async def test_a_file_cut_short_while_it_is_served_ends_the_download(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        path = tmp_path / "file"
        with path.open("wb") as file:
            file.truncate(256 << 20)
        grace.serve(path)
        link, _ = await linked(ada, grace)
        async with Holder(grace.presence, RESOURCE, await token(link), loopback=True) as holder:
            await holder.pieces(2)
            with pytest.raises(PeerUnreachableError):
                await holder.read(0, 256 << 20, after=1 << 20, then=lambda: os.truncate(path, 1 << 20))
        await measure(link)


async def test_two_downloads_are_served_by_turns(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        path = tmp_path / "file"
        with path.open("wb") as file:
            file.truncate(256 << 20)
        grace.serve(path)
        link, _ = await linked(ada, grace)

        async def read() -> bytes:
            async with Holder(grace.presence, RESOURCE, await token(link), loopback=True) as holder:
                return await holder.read(0, 256 << 20, after=1 << 20, then=begun.release)

        begun = threading.Semaphore(0)
        reading = [asyncio.create_task(read()) for _ in range(2)]
        for _ in reading:
            await asyncio.to_thread(begun.acquire)
        assert not any(each.done() for each in reading), "one had to wait for all of the other"
        assert [len(data) for data in await asyncio.gather(*reading)] == [256 << 20] * 2


async def test_a_downloader_that_hangs_up_is_no_fault_of_the_server(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        path = tmp_path / "file"
        with path.open("wb") as file:
            file.truncate(256 << 20)
        grace.serve(path)
        link, _ = await linked(ada, grace)
        async with Holder(grace.presence, RESOURCE, await token(link), loopback=True) as holder:
            await holder.pieces(2)
            await holder.read_some(0, 256 << 20, 1 << 20)
        await wait_until_async(lambda: connections(grace) == 1, what="the end of the download")
        assert grace.ranges.sent_bytes < 256 << 20
        await measure(link)


async def test_a_resource_that_is_not_held_is_refused_as_such(tmp_path: Path) -> None:
    async with nodes(1, 2) as (ada, grace):
        link, _ = await linked(ada, grace)
        async with Holder(grace.presence, RESOURCE, await token(link), loopback=True) as holder:
            with pytest.raises(PeerRefusedError) as error:
                await holder.pieces(1)
        assert error.value.code == "not_held"


async def test_a_port_accepts_if_it_leaves_connections_open_however_silent_it_is() -> None:
    async with nodes(1, 2) as (ada, grace):
        with FaultProxy(("127.0.0.1", grace.mesh.server.port)) as proxy:
            behind = presence(grace.key, f"https://{proxy.host}:{proxy.port}", grace.mesh.server.certificate)
            for leave_open, accepts in (
                (proxy.carry, True),
                (proxy.stall, True),
                (proxy.reset, False),
                (proxy.half_close, False),
                (proxy.refuse, False),
            ):
                leave_open()
                assert await ada.mesh.accepts(behind) is accepts, leave_open.__name__
