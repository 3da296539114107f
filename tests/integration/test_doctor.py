"""The doctor: everything well, and each thing that may be wrong with the line that says what to do about it."""

from __future__ import annotations

import asyncio
import shlex
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from nacl.signing import SigningKey
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from academics_jupyter.network.addresses import announced_urls
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.doctor.diagnosis import Diagnosis
from academics_jupyter.peer.doctor.examining import examine
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.settings import LOOPBACK, Settings, resolve
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, VOTE_LIFETIME_MS, Presence, Record, Vote, sign_record
from academics_jupyter.registry.mongo import MongoRegistry
from academics_jupyter.registry.mongod import find_mongod
from academics_jupyter.store.folder import DriverLock, ProfileFolder
from academics_jupyter.store.keys import create_keys
from academics_jupyter.store.store import wall_clock_ms
from tests.guarded import GuardedProcess, free_port
from tests.integration.conftest import Environment, Person
from tests.mongod import RunningMongod, running_mongod
from tests.processes import PeerProcess
from tests.waiting import wait_until, wait_until_async

EVE = SigningKey(b"e" * 32)
NOBODY = "https://127.0.0.1:9"

Opened = Callable[..., AbstractAsyncContextManager[Peer]]


@pytest.fixture(scope="module")
def mongod() -> Iterator[RunningMongod]:
    with running_mongod() as running:
        yield running


@pytest.fixture
def registry(mongod: RunningMongod, request: pytest.FixtureRequest) -> str:
    """A database of the test's own, for others' leases outlive a test."""
    return mongod.uri.replace("/academics?", f"/d{abs(hash(request.node.name))}?")


@pytest.fixture
def opened(tmp_path: Path, registry: str) -> Opened:
    """A peer in this process, registered and online unless told otherwise."""

    @asynccontextmanager
    async def open_one(profile: str = "ada", *, start: bool = True, **more: Any) -> AsyncIterator[Peer]:
        peer = await Peer.open(resolve({"home": tmp_path / "home", "profile": profile, "registry": registry, **more}))
        try:
            if start and not peer.is_registered:
                await peer.register(profile)
            if start:
                await peer.start()
            yield peer
        finally:
            await peer.close()

    return open_one


def line(diagnosis: Diagnosis, what: str, state: str) -> str:
    """The one line of a finding that should be in a state."""
    finding = diagnosis[what]
    assert finding.state == state, diagnosis
    assert "\n" not in str(finding)
    return str(finding)


async def publish(registry: str, *records: Record) -> None:
    """Have EVE write to the registry."""
    client = MongoRegistry(registry)
    await client.open()
    for record in records:
        assert await client.publish(sign_record(EVE, record))
    await client.close()


def presence(urls: tuple[str, ...] = (NOBODY,), age_ms: int = 0) -> Presence:
    now_ms = wall_clock_ms()
    return Presence(
        peer=peer_id(EVE), epoch=1, sequence=1, issued_at_ms=now_ms - age_ms, expires_at_ms=now_ms + PRESENCE_LEASE_MS,
        name="Eve", urls=urls, certificate="c" * 64, online=True,
    )  # fmt: skip


async def test_all_is_well_alone(opened: Opened) -> None:
    async with opened(passphrase="correct horse") as ada:
        await ada.flushed()
        diagnosis = await ada.diagnose()
    assert {finding.what: finding.state for finding in diagnosis.findings if finding.what != "disk"} == dict.fromkeys(
        ("profile", "keys", "folder", "driver", "registry", "clock", "rights", "port", "addresses", "others", "outbox"),
        "good",
    ), diagnosis
    assert diagnosis.is_well
    assert "answers in " in str(diagnosis["registry"])
    assert "replica set" in str(diagnosis["registry"])
    assert "nobody else" in str(diagnosis["others"])
    assert len(repr(diagnosis).splitlines()) == len(diagnosis.findings)


async def test_with_a_colleague_and_as_a_passenger(opened: Opened, tmp_path: Path, registry: str) -> None:
    with PeerProcess(tmp_path / "grace", "grace", registry=registry):
        async with opened() as ada:
            await wait_until_async(lambda: "linked" in ada.peers().state.tolist(), what="a link")
            said = line(await ada.diagnose(), "others", "good")
            assert "1 other is online" in said
            assert "1 linked by your dialling" in said
        with PeerProcess(tmp_path / "home", "ada", registry=registry) as driver:
            async with opened(start=False) as passenger:
                await wait_until_async(lambda: "linked" in passenger.peers().state.tolist(), what="a link")
                diagnosis = await passenger.diagnose()
                assert diagnosis.is_well, diagnosis
                for what in ("port", "addresses", "others"):
                    assert f"as process {driver.pid} noted it" in line(diagnosis, what, "good")
                assert f"runs in process {driver.pid}" in line(diagnosis, "driver", "good")


async def test_unregistered(opened: Opened) -> None:
    async with opened(start=False) as nobody:
        diagnosis = await nobody.diagnose()
    assert diagnosis.is_well
    assert "%register --name NAME" in line(diagnosis, "profile", "poor")
    assert "will be made" in line(diagnosis, "folder", "good")
    assert "will be announced" in line(diagnosis, "addresses", "good")
    for what in ("registry", "clock", "rights", "port"):
        line(diagnosis, what, "good")


async def test_offline_with_something_waiting(opened: Opened, tmp_path: Path) -> None:
    paper = tmp_path / "paper.txt"
    paper.write_text("what is shared offline waits\n")
    async with opened() as ada:
        await ada.flushed()
        await ada.stop()
        await ada.share(paper)
        diagnosis = await ada.diagnose()
    assert "%academics start" in line(diagnosis, "driver", "poor")
    assert "your peer is offline" in line(diagnosis, "outbox", "good")
    assert "can be had" in line(diagnosis, "port", "good")


@pytest.mark.parametrize(
    ("uri", "says", "mend"),
    [
        ("mongodb://127.0.0.1:9/academics", "127.0.0.1 refuses connections to port 9", "ask whoever runs it"),
        ("mongodb://no-such-host.invalid/academics", "no machine called no-such-host.invalid", "your network and VPN"),
        ("nonsense", "not a MongoDB address", "mongodb://USER:PASSWORD@HOST/DATABASE"),
    ],
)
async def test_a_registry_that_is_not_there(opened: Opened, uri: str, says: str, mend: str) -> None:
    async with opened(start=False, registry=uri) as nobody:
        diagnosis = await nobody.diagnose()
    said = line(diagnosis, "registry", "bad")
    assert says in said
    assert mend in said
    assert not diagnosis.is_well
    assert "registry" in diagnosis.summary
    line(diagnosis, "port", "good")


async def test_a_registry_that_hangs_under_a_running_peer(tmp_path: Path) -> None:
    with running_mongod() as own:
        peer = await Peer.open(resolve({"home": tmp_path, "registry": own.uri}))
        await peer.register("ada")
        await peer.start()
        await peer.flushed()
        own.stop()
        diagnosis = await peer.diagnose()
        assert "does not answer as a MongoDB" in line(diagnosis, "registry", "bad")
        line(diagnosis, "addresses", "good")
        line(diagnosis, "driver", "good")
        own.kill()
        assert "refuses connections" in line(await peer.diagnose(), "registry", "bad")
        await peer.close()


@pytest.fixture
def guarded_registry(tmp_path: Path) -> Iterator[str]:
    """A mongod with passwords: `reader` may only read, `member` may do what a peer does. HOST:PORT of it."""
    found, port = find_mongod(tmp_path / "lib"), free_port()
    (tmp_path / "db").mkdir()
    where = f"--auth --nounixsocket --bind_ip 127.0.0.1 --port {port} --dbpath {tmp_path / 'db'}"
    process = GuardedProcess([str(found.path), *where.split()], found.environment or None)
    try:
        with MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=1000) as client:

            def answers() -> bool:
                try:
                    return bool(client.admin.command("ping")["ok"])
                except PyMongoError:
                    return False

            wait_until(answers, 40, "mongod")
            client.admin.command("createUser", "root", pwd="root", roles=["root"])
        with MongoClient[dict[str, Any]](f"mongodb://root:root@127.0.0.1:{port}") as client:
            client.academics.command("createUser", "reader", pwd="reader", roles=["read"])
            client.academics.command("createUser", "member", pwd="member", roles=["readWrite"])
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()


async def test_wrong_passwords_and_missing_rights(opened: Opened, guarded_registry: str) -> None:
    for user, what, said in (
        ("member:wrong", "registry", "refused the user name or password in ACADEMICS_REGISTRY"),
        ("reader:reader", "rights", "does not let you insert on active_users"),
    ):
        uri = f"mongodb://{user}@{guarded_registry}/academics"
        async with opened(start=False, registry=uri) as nobody:
            diagnosis = await nobody.diagnose()
        assert said in line(diagnosis, what, "bad")
        assert user not in repr(diagnosis)
    async with opened(start=False, registry=f"mongodb://{guarded_registry}/academics") as nobody:
        assert "ask whoever runs it for the role" in line(await nobody.diagnose(), "registry", "bad")
    async with opened(start=False, registry=f"mongodb://member:member@{guarded_registry}/academics") as nobody:
        diagnosis = await nobody.diagnose()
    line(diagnosis, "rights", "good")
    assert "a server alone" in line(diagnosis, "registry", "good")


async def test_a_port_that_cannot_be_had(opened: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with opened(start=False, port=port) as nobody:
            said = line(await nobody.diagnose(), "port", "bad")
        assert f"port {port} is taken by " in said
        assert "ACADEMICS_PORT" in said
    async with opened(start=False, host="192.0.2.77") as nobody:
        assert "ACADEMICS_HOST" in line(await nobody.diagnose(), "port", "bad")


@pytest.mark.parametrize(
    ("off_ms", "state", "said"),
    [
        (200_000, "poor", "3 minutes ahead of"),
        (-86_400_000, "poor", "24 hours behind"),
        (30_000, "good", "within 30 s"),
    ],
)
async def test_a_clock_that_is_off(registry: str, tmp_path: Path, off_ms: int, state: str, said: str) -> None:
    settings = resolve({"home": tmp_path, "registry": registry})
    diagnosis = await examine(settings, wall_ms=lambda: wall_clock_ms() + off_ms)
    assert said in line(diagnosis, "clock", state)
    assert diagnosis.is_well


async def test_public_addresses_that_lead_nowhere(opened: Opened) -> None:
    async with opened(public_urls=(NOBODY,)) as ada:
        said = line(await ada.diagnose(), "addresses", "bad")
    assert f"{NOBODY} of ACADEMICS_PUBLIC_URLS refuses the connection" in said
    assert "leave ACADEMICS_PUBLIC_URLS unset" in said
    for url, why in (
        ("https://hub.example:443/user/ada/proxy/8443", "would show your Jupyter token"),
        ("http://lab.example:8443", "is no address that others can dial"),
        ("lab.example", "is no address that others can dial"),
    ):
        async with opened(start=False, public_urls=(url,)) as ada:
            said = line(await ada.diagnose(), "addresses", "bad")
        assert why in said
        assert "set it to https://HOST:PORT" in said


async def test_somebody_else_at_the_public_address(opened: Opened) -> None:
    async with opened("grace") as grace, opened(public_urls=(grace.status().address,)) as ada:
        assert "answered by something else" in line(await ada.diagnose(), "addresses", "bad")


async def test_nobody_can_be_reached(opened: Opened, registry: str) -> None:
    await publish(registry, presence())
    async with opened() as ada:
        said = line(await ada.diagnose(), "others", "bad")
    assert "firewall" in said
    assert "ask the administrator to let TCP connections" in said
    assert "can only dial out still talks with everyone" in said


async def test_somebody_who_has_just_died_is_no_firewall(opened: Opened, registry: str) -> None:
    await publish(registry, presence(age_ms=70_000))
    async with opened() as ada:
        line(await ada.diagnose(), "others", "good")


async def test_others_cannot_reach_us(opened: Opened, registry: str) -> None:
    async with opened(port=(port := free_port())) as ada:
        now_ms = wall_clock_ms()
        own = await _own_presence(registry, ada.id)
        vote = Vote(
            peer=peer_id(EVE), epoch=1, sequence=2, issued_at_ms=now_ms, expires_at_ms=now_ms + VOTE_LIFETIME_MS,
            target=ada.id, target_epoch=own.epoch, failed=True,
        )  # fmt: skip
        await publish(registry, presence(), vote)
        said = line(await ada.diagnose(), "others", "poor")
    assert "1 of them cannot reach you" in said
    assert f"let TCP connections to port {port} of this machine in" in said


async def _own_presence(registry: str, peer: str) -> Presence:
    client = MongoRegistry(registry)
    await client.open()
    found = [signed.record for signed in (await client.members()).presences if signed.record.peer == peer]
    await client.close()
    return found[0]


async def test_a_registry_elsewhere(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry at another address than loopback stands for one elsewhere; it asks for no password."""
    outer = [
        host for url in announced_urls("", 1) if (host := urlsplit(url).hostname or "") != LOOPBACK and "." in host
    ]
    if not outer:
        pytest.skip("this machine has no network")
    with running_mongod(outer[0]) as elsewhere:
        async with opened(registry=elsewhere.uri) as ada:
            diagnosis = await ada.diagnose()
            assert outer[0] in line(diagnosis, "addresses", "good")
            assert "unless ACADEMICS_PORT is set" in line(diagnosis, "port", "good")
            assert "users and passwords" in line(diagnosis, "rights", "poor")
            assert diagnosis.is_well
        async with opened(registry=elsewhere.uri, host=LOOPBACK) as ada:
            assert "only this machine itself can reach you" in line(await ada.diagnose(), "addresses", "poor")
            monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
            assert "would show your Jupyter token" in line(await ada.diagnose(), "hub", "poor")


async def test_a_folder_that_others_can_read(opened: Opened) -> None:
    async with opened() as ada:
        ada.folder.path.chmod(0o755)
        finding = (await ada.diagnose())["folder"]
        assert finding.state == "bad"
        await asyncio.to_thread(subprocess.run, shlex.split(finding.mend), check=True)
        line(await ada.diagnose(), "folder", "good")


async def test_a_driver_that_hangs(tmp_path: Path, registry: str) -> None:
    settings = resolve({"home": tmp_path, "registry": registry})
    context, lock = await _driven(settings)
    try:
        diagnosis = await examine(settings, context)
    finally:
        await context.close()
        lock.release()
    said = line(diagnosis, "driver", "bad")
    assert "a stuck notebook" in said
    assert "has not renewed your presence for 2 minutes" in said
    assert "another open notebook of yours then takes over" in said
    assert "refuses the connection" in line(diagnosis, "addresses", "bad")


async def _driven(settings: Settings) -> tuple[Context, DriverLock]:
    """A profile whose driver holds the lock, and renewed its presence two minutes ago for the last time."""
    folder = ProfileFolder(settings.home, settings.profile)
    keys, _ = create_keys(folder, None)
    context = Context(settings, folder, keys)
    stale = Presence(
        **context.header(PRESENCE_LEASE_MS) | {"issued_at_ms": wall_clock_ms() - 125_000},
        name="Ada", urls=(NOBODY,), certificate="c" * 64, online=True,
    )  # fmt: skip
    context.store.records.put(sign_record(keys.signing, stale))
    return context, folder.drive("a stuck notebook")


def academics(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "academics"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_command(environment: Environment, sit_down: Callable[..., Person]) -> None:
    well = academics(environment("nobody"), "doctor")
    assert (well.returncode, well.stderr) == (0, "")
    assert "registry   good" in well.stdout
    ill = academics(environment("nobody", ACADEMICS_PORT="http"), "doctor")
    assert ill.returncode == 1
    assert "0 to 65535" in ill.stdout
    assert ill.stderr == "academics: Not well (settings): the lines marked bad say what to do.\n"

    mary = sit_down("mary", ACADEMICS_PASSPHRASE="correct horse")
    said = mary.run("%academics doctor").text
    assert "driver     good  your peer runs here" in said
    assert mary.value("get_ipython().run_line_magic('academics', 'doctor').is_well") is True
    locked = academics(environment("mary", ACADEMICS_PASSPHRASE="wrong"), "doctor")
    assert locked.returncode == 1
    assert "profile    bad   The passphrase does not open the profile's keys." in locked.stdout
    assert "registry   good" in locked.stdout
    other = sit_down("mary", register=False, ACADEMICS_PASSPHRASE="wrong")
    assert "The passphrase does not open" in other.run("%academics doctor").text
