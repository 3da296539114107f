"""The outbox under faults: what a person does goes out in order, once, whoever was away or killed meanwhile."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.network.link import Link
from academics_jupyter.peer.peer import open_peer
from academics_jupyter.protocol.messages import open_message
from academics_jupyter.protocol.wire import Chat, Done
from academics_jupyter.registry.mongo import MongoRegistry
from tests.fault_proxy import FaultProxy
from tests.guarded import free_port
from tests.integration.conftest import Person
from tests.meshes import nodes
from tests.mongod import RunningMongod, registry_uri, running_mongod
from tests.processes import PeerProcess
from tests.waiting import TIMEOUT_S, wait_until, wait_until_async

SitDown = Callable[..., Person]

KILLS = int(os.environ.get("ACADEMICS_TEST_OUTBOX_KILLS", "30"))
NOWHERE = "https://127.0.0.1:9"
"""An address where nobody listens: who announces it dials the others, and is dialled by none."""
SLOW_MS = 500
"""How late a proxy carries what shall be cut off before the registry's acknowledgement is back."""
VERY_SLOW_MS = 2_000
"""The same for that of a message, when only one is under way."""

WAITING = "[f'{each.what} for {each.destination}: {each.why}' for each in peer.status().waiting]"
LINKED = "{contact.name: contact.linked for contact in await peer.exploring.contacts()}"
SENT = "[[each.text, each.state] for each in await peer.chatting.history(await peer.lookup.peer('%s'))]"
TEXTS = "[each.text for each in await peer.chatting.history(await peer.lookup.peer('%s'))]"


class Registry:
    """A mongod behind a proxy, and what has been written into it."""

    def __init__(self, mongod: RunningMongod, proxy: FaultProxy, client: MongoClient[dict[str, Any]]) -> None:
        self.mongod, self.proxy = mongod, proxy
        self._client = client

    @property
    def uri(self) -> str:
        return registry_uri(self.proxy.host, self.proxy.port)

    def away(self, how: str) -> None:
        match how:
            case "refuses":
                self.proxy.reset()
                self.proxy.refuse()
            case "hangs":
                self.proxy.hang()
            case "is killed":
                self.mongod.kill()
            case "is stopped":
                self.mongod.stop()

    def back(self, how: str) -> None:
        match how:
            case "refuses" | "hangs":
                self.proxy.carry()
            case "is killed":
                self.mongod.start()
            case "is stopped":
                self.mongod.cont()

    def find(self, collection: str, **condition: object) -> list[dict[str, Any]]:
        return list(self._client["academics"][collection].find(condition))

    def writes(self, peer: str) -> list[int]:
        """The sequence numbers of all records of a peer that were ever written, but presences, as they were written."""
        kinds = {"$in": [f"academics.{name}" for name in ("profiles", "resources", "holdings")]}
        sequences = []
        for entry in self._client["local"]["oplog.rs"].find({"ns": kinds}, sort=[("$natural", 1)]):
            written = entry["o"] if entry["op"] == "i" else entry["o"].get("diff", {}).get("u", {})
            identity = str(entry["o2"]["_id"]) if entry["op"] == "u" else str(entry["o"]["_id"])
            if "sequence" in written and (written.get("peer") == peer or peer[:32] in identity):
                sequences.append(int(written["sequence"]))
        return sequences


@pytest.fixture
def registry() -> Iterator[Registry]:
    with (
        running_mongod() as mongod,
        FaultProxy((mongod.host, mongod.port)) as proxy,
        MongoClient[dict[str, Any]](mongod.uri) as client,
    ):
        yield Registry(mongod, proxy, client)


def written(folder: Path, *names: str) -> list[Path]:
    """Files with their names as content."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{name}\n")
    return [folder / name for name in names]


@contextmanager
def guarded_by(home: Path, name: str, uri: str) -> Iterator[tuple[FaultProxy, Callable[[], PeerProcess]]]:
    """A proxy in front of somebody's server, and what starts them, whom others reach through it only."""
    port = free_port()
    with FaultProxy(("127.0.0.1", port)) as proxy:
        own = {"ACADEMICS_PORT": str(port), "ACADEMICS_PUBLIC_URLS": f"https://{proxy.host}:{proxy.port}"}
        # To look at what has come is to read it, and here it matters what is delivered.
        own["ACADEMICS_READ_MARKS"] = "off"
        yield proxy, lambda: PeerProcess(home, name, registry=uri, environment=own)


@pytest.mark.parametrize("how", ["refuses", "hangs", "is killed", "is stopped"])
@pytest.mark.timeout(180)
def test_what_is_done_while_the_registry_is_away_goes_out_in_order_once_it_is_back(
    tmp_path: Path, registry: Registry, how: str
) -> None:
    first, second, third, fourth = written(tmp_path / "files", "first.txt", "second.txt", "third.txt", "fourth.txt")
    with PeerProcess(tmp_path / "ben", "ben", registry=registry.uri) as ben:
        ada = PeerProcess(tmp_path / "ada", "ada", registry=registry.uri)
        me = ada.ids["ada"]
        ben.sees(LINKED, {"ada": True})
        ada.sees(LINKED, {"ben": True})
        ada.value("peer.flushed()")
        before = registry.writes(me)
        registry.away(how)

        shared = ada.value(f"(await peer.share({str(first)!r}, title='Before')).id")
        ada.value(f"peer.describe({shared!r}, title='After')")
        again = ada.value(f"(await peer.share({str(second)!r}, title='Second')).id")
        taken_back = ada.value(f"(await peer.share({str(third)!r}, title='Third')).id")
        ada.value(f"peer.unshare({taken_back!r})")
        ada.value("peer.chat('ben', 'the registry is away')")
        ben.sees(TEXTS % "ada", ["the registry is away"])
        # News reaches those who are linked all the same.
        ben.sees("sorted((await peer.explore()).title)", ["After", "Second"], timeout_s=40)
        told = (
            "description of first.txt for the registry: it does not answer since",
            "description of second.txt for the registry: it does not answer since",
            "withdrawal of third.txt for the registry: it does not answer since",
        )
        wait_until(lambda: _begin(ada.value(WAITING), told), what="a status that says what waits and why")

        ada.kill()
        ada.kill()
        ada = PeerProcess(tmp_path / "ada", "ada", registry=registry.uri)
        ada.value(f"peer.unshare({again!r})")
        ada.value(f"peer.share({str(second)!r}, title='Second again')")
        ada.close()
        with PeerProcess(tmp_path / "ada", "ada", registry=registry.uri) as ada:
            ada.value(f"peer.share({str(fourth)!r}, title='Fourth')")
            ada.value("peer.register(affiliation='Analytical Society')")
            together = (
                "description of first.txt, withdrawal of third.txt and 3 more for the registry: it does not answer"
            )
            wait_until(lambda: _begin(ada.value(WAITING), (together,)), what="one line for many")
            ben.sees(LINKED, {"ada": True})
            ada.sees(LINKED, {"ben": True})
            registry.back(how)
            ada.sees(WAITING, [])
            ben.sees(
                "sorted((await peer.explore(available=True)).title)",
                ["After", "Fourth", "Second again"],
            )
            ben.sees("(await peer.people('ada')).affiliation[0]", "Analytical Society")
            assert [each["withdrawn"] for each in registry.find("resources", id=taken_back)] == [True]
            assert [each["held"] for each in registry.find("holdings", resource=taken_back)] == [False]
            new = registry.writes(me)[len(before) :]
            assert new == sorted(set(new)), "out of order, or twice"
            assert len(new) == 9, "three descriptions, a withdrawal, four holdings, a profile"


def _begin(lines: list[str], starts: tuple[str, ...]) -> bool:
    return len(lines) == len(starts) and all(map(str.startswith, lines, starts))


@pytest.mark.parametrize("how", ["refuses", "is killed"])
def test_a_write_that_was_not_acknowledged_goes_out_again_and_doubles_nothing(
    tmp_path: Path, registry: Registry, how: str
) -> None:
    (file,) = written(tmp_path, "kepler.txt")
    with PeerProcess(tmp_path / "ada", "ada", registry=registry.uri) as ada:
        ada.value("peer.flushed()")
        before = registry.writes(ada.ids["ada"])
        registry.proxy.carry(delay_ms=SLOW_MS)
        resource = ada.value(f"(await peer.share({str(file)!r}, title='Rudolphine Tables')).id")
        wait_until(lambda: registry.find("resources", id=resource), what="the write")
        registry.away(how)
        assert ada.value(WAITING) != []
        registry.proxy.carry()
        registry.back(how)
        ada.sees(WAITING, [])
        written_since = registry.writes(ada.ids["ada"])[len(before) :]
        assert written_since == sorted(set(written_since))
        assert len(written_since) == 2
        assert [each["n"] for each in registry.find("terms", _id="rudolphine")] == [1]


def test_a_message_whose_recipient_is_killed_before_acknowledging_it_appears_once(
    tmp_path: Path, registry: Registry
) -> None:
    unreachable = {"ACADEMICS_PUBLIC_URLS": NOWHERE}
    with (
        guarded_by(tmp_path / "ben", "ben", registry.uri) as (proxy, start_ben),
        PeerProcess(tmp_path / "ada", "ada", registry=registry.uri, environment=unreachable) as ada,
    ):
        ben = start_ben()
        ada.sees(LINKED, {"ben": True})
        ada.value("peer.chat('ben', 'first')")
        ada.sees(SENT % "ben", [["first", "delivered"]])
        proxy.carry(delay_ms=VERY_SLOW_MS)
        ada.value("peer.chat('ben', 'second')")
        ada.value("peer.chat('ben', 'third')")
        ben.sees(TEXTS % "ada", ["first", "second"])
        proxy.reset()  # the acknowledgement is on its way through it
        proxy.refuse()
        ben.kill()
        assert ada.value(SENT % "ben") == [["first", "delivered"], ["second", "queued"], ["third", "queued"]]
        ada.sees(WAITING, ["2 messages for ben: they are offline"])
        proxy.carry()
        with start_ben() as ben:
            ada.sees(SENT % "ben", [[each, "delivered"] for each in ("first", "second", "third")])
            assert ben.value(TEXTS % "ada") == ["first", "second", "third"]
            assert ada.value(WAITING) == []


@pytest.mark.parametrize("how", ["stall", "reset", "hang"])
def test_messages_cross_a_network_that_is_cut_in_the_middle(tmp_path: Path, registry: Registry, how: str) -> None:
    unreachable = {"ACADEMICS_PUBLIC_URLS": NOWHERE}
    with (
        guarded_by(tmp_path / "ben", "ben", registry.uri) as (proxy, start_ben),
        PeerProcess(tmp_path / "ada", "ada", registry=registry.uri, environment=unreachable) as ada,
        start_ben() as ben,
    ):
        ada.sees(LINKED, {"ben": True})
        proxy.carry(delay_ms=20)
        sending = ada.ask("[await peer.chat('ben', str(number)) for number in range(20)]")
        ben.sees(f"len({TEXTS % 'ada'}) > 3")
        getattr(proxy, how)()
        sending.result(TIMEOUT_S)
        ada.value("peer.chat('ben', 'while it was cut')")
        if how == "reset":
            ada.sees(f"{WAITING}[0].split(': ')[1]", "they are offline")
        assert ada.value(SENT % "ben")[-1] == ["while it was cut", "queued"]
        proxy.carry()
        everything = [*map(str, range(20)), "while it was cut"]
        ada.sees(SENT % "ben", [[each, "delivered"] for each in everything])
        assert ben.value(TEXTS % "ada") == everything


async def test_a_refused_message_is_not_sent_over_and_over_and_keeps_no_other_one(
    tmp_path: Path, registry: Registry
) -> None:
    sent: list[str] = []
    codes = {"never": "malformed", "later": "failed"}

    async def refuse(_link: Link, chat: Chat) -> Done:
        sent.append(open_message(chat.message).text)
        if sent[-1] in codes:
            raise RemoteProtocolError("refused by a test", codes[sent[-1]])
        return Done()

    async with (
        nodes(7) as (refuser,),
        open_peer(home=tmp_path, registry=registry.uri) as ada,
        connected(registry) as directory,
    ):
        refuser.mesh.on("chat", Chat, refuse)
        await ada.register("ada")
        await ada.start()
        await refuser.mesh.dial((await directory.members()).presences[0].record)
        await wait_until_async(lambda: ada.status().links == 1)
        for text in ("never", "first", "later", "last"):
            await ada.chat(refuser.peer, text)
        await wait_until_async(lambda: "later" in sent)
        await wait_until_async(lambda: any("refused" in each.why for each in ada.status().waiting))
        del codes["later"]
        await wait_until_async(lambda: "last" in sent)
        await ada.chat(refuser.peer, "more")
        await wait_until_async(lambda: "more" in sent)
        assert [text for text in sent if text != "later"] == ["never", "first", "last", "more"]
        assert sent.count("later") < 5, "sent over and over"
        await wait_until_async(lambda: [each.what for each in ada.status().waiting] == ["a message"])


@asynccontextmanager
async def connected(registry: Registry) -> AsyncIterator[MongoRegistry]:
    """The registry as any client of it has it."""
    client = MongoRegistry(registry.uri)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.timeout(240)
def test_a_notebook_says_what_waits_and_it_survives_restarts_and_a_kill(
    sit_down: SitDown, registry: Registry, tmp_path: Path
) -> None:
    paper, draft = written(tmp_path / "files", "paper.txt", "draft.txt")
    shared = {"ACADEMICS_REGISTRY": registry.uri}
    friend, author = sit_down("grace", **shared), sit_down("ada", **shared)
    author.sees("get_ipython().run_line_magic('peers', '').state.tolist()", ["linked"])
    friend.kernel.shut_down()
    author.sees("get_ipython().run_line_magic('peers', '').state.tolist()", ["offline"])
    registry.away("is killed")
    author.run(f"resource = %share {paper} --title Notes\n%describe {{resource.id}} --title 'Notes on the Engine'")
    author.run(f"draft = %share {draft} --title Draft\n%unshare {{draft.id}}\n%chat grace first")
    away = r"waiting +description of paper\.txt for the registry: it does not answer since \d\d:\d\d\n"
    told = status_once(author, away)
    assert re.search(r"waiting +withdrawal of draft\.txt for the registry: it does not answer since", told)
    assert re.search(r"waiting +a message for grace: they are offline", told)

    author.kernel.restart()
    author.run("%load_ext academics\nimport academics\n%academics start\n%chat grace second")
    status_once(author, away)
    author.kernel.restart()
    author.run("%load_ext academics\nimport academics\n%chat grace third")
    status_once(author, r"waiting +description of paper\.txt for the registry: your peer is offline\n")
    status_once(author, r"waiting +3 messages for grace: your peer is offline")
    author.run("%academics start")
    status_once(author, r"waiting +3 messages for grace: they are offline")
    author.kernel.kill()

    author = sit_down("ada", register=False, **shared)
    author.run("%academics start")
    status_once(author, away)
    registry.back("is killed")
    friend = sit_down("grace", register=False, **shared)
    friend.run("%academics start")
    author.sees("len(academics.current().status().waiting)", 0)
    assert "waiting" not in author.run("%academics status").text
    friend.sees("get_ipython().run_line_magic('history', 'ada').text.tolist()", ["first", "second", "third"])
    friend.sees("get_ipython().run_line_magic('explore', '--available').title.tolist()", ["Notes on the Engine"])
    assert friend.value("len(get_ipython().run_line_magic('explore', 'draft'))") == 0
    author.sees("get_ipython().run_line_magic('history', 'grace').state.tolist()", ["read"] * 3)


def status_once(person: Person, pattern: str) -> str:
    """What `%academics status` prints, once a pattern is found in it."""
    text = ""

    def look() -> bool:
        nonlocal text
        text = person.run("%academics status").text + "\n"
        return re.search(pattern, text) is not None

    try:
        wait_until(look)
    except AssertionError:
        raise AssertionError(f"{pattern!r} is not in\n{text}") from None
    return text


WORK = """
async def work(folder):
    number = len(await peer.chatting.history(await peer.lookup.peer('reader')))
    if number:
        await offer(folder, number - 1)  # it may have been killed before that
    while True:
        await peer.chat('reader', str(number))
        await offer(folder, number)
        number += 1

async def offer(folder, number):
    file = folder / f'{number}.txt'
    file.write_text(f'{number}\\n')
    await peer.share(file, title=f'number {number}')

working = asyncio.create_task(work(Path(%r)))
"""


@pytest.mark.timeout(60 + 6 * KILLS)
def test_an_author_killed_at_random_loses_doubles_and_disorders_nothing(
    tmp_path: Path, registry: Registry, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(11)
    (tmp_path / "files").mkdir()
    with PeerProcess(tmp_path / "reader", "reader", registry=registry.uri) as reader:
        for kill in range(KILLS):
            author = PeerProcess(tmp_path / "author", "author", registry=registry.uri)
            if kill == 0:
                author.sees(LINKED, {"reader": True})
            author.value(WORK % str(tmp_path / "files"))
            time.sleep(chance.uniform(0.0, 0.4))  # the point at which it is killed, and not a wait for anything
            author.kill()
        with PeerProcess(tmp_path / "author", "author", registry=registry.uri) as author:
            author.sees(WAITING, [])
            sent = author.value(SENT % "reader")
            assert [text for text, _ in sent] == [str(number) for number in range(len(sent))]
            assert len(sent) >= KILLS
            assert {state for _, state in sent} == {"delivered"}
            assert reader.value(TEXTS % "author") == [text for text, _ in sent]

            me = author.ids["author"]
            numbers = registry.writes(me)
            assert numbers == sorted(set(numbers)), "out of order, or twice"
            titles = sorted(_title(each) for each in registry.find("resources", peer=me))
            # It may have been killed between its last message and the file to that.
            assert titles in [sorted(f"number {number}" for number in range(len(sent) - missing)) for missing in (0, 1)]
            assert len(registry.find("holdings", peer=me, held=True)) == len(titles)
            record_property("all there, in order, once", f"{len(sent)} messages, {len(titles)} files, {KILLS} kills")


def _title(document: dict[str, Any]) -> str:
    return str(json.loads(document["payload"].partition("\n")[2])["title"])
