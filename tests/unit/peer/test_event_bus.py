"""The event bus between two openings of one profile: as two processes have it, over one database and the doorbell."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from academics_jupyter.peer.changes import Changes
from academics_jupyter.peer.event_bus import QUEUE_LENGTH, EventBus, EventStream
from academics_jupyter.peer.events import Event, MessageReceived, PeerJoined, ResourceShared
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import Message, sign_message
from academics_jupyter.store.events import KEPT, ToldEvent
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.store import Store
from tests.waiting import wait_until_async

SECRET = "the words that must not lie on disk"


class Process:
    """What a process of the profile has of it."""

    def __init__(self, folder: ProfileFolder, keys: Keys) -> None:
        self.store = Store.open(folder, keys)
        self.changes = Changes(self.store)
        self.bus = EventBus(self.store)

    async def close(self) -> None:
        await self.bus.close()
        self.changes.close()
        self.store.close()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[[], Process]]:
    folder, keys = ProfileFolder(tmp_path, "default"), Keys.generate()
    started: list[Process] = []

    def start() -> Process:
        started.append(Process(folder, keys))
        return started[-1]

    yield start
    for process in started:
        await process.close()


def joined(number: int) -> PeerJoined:
    return PeerJoined(f"{number:064x}", f"peer {number}")


async def got(stream: EventStream, last: Event) -> list[Event]:
    """What a stream tells up to the event `last`, which must come."""
    events: list[Event] = []
    async with asyncio.timeout(20):
        async for event in stream:
            events.append(event)
            if event == last:
                return events
    raise AssertionError("a stream never ends")


async def is_quiet(stream: EventStream) -> bool:
    """Nothing more is told, also after all that was written has been read."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(stream)
            return False
    return True


def is_on_disk(text: str, folder: Path) -> bool:
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_each_event_once_and_in_order_in_every_process(start: Callable[[], Process]) -> None:
    processes = [start() for _ in range(3)]
    streams = [process.bus.events() for process in processes for _ in range(2)]
    driver = processes[0]
    for number in range(300):
        driver.bus.tell(joined(number))
        if number % 7 == 0:
            await asyncio.sleep(0)
    for stream in streams:
        assert await got(stream, joined(299)) == [joined(number) for number in range(300)]
    processes[1].bus.tell(ResourceShared("ab" * 32, "from a passenger", "cd" * 32))
    for stream in streams:
        assert await anext(stream) == ResourceShared("ab" * 32, "from a passenger", "cd" * 32)
        assert await is_quiet(stream)


async def test_the_telling_process_is_told_at_once(start: Callable[[], Process]) -> None:
    driver = start()
    stream = driver.bus.events()
    driver.bus.tell(joined(1))
    assert stream._queue.get_nowait() == joined(1)
    assert await is_quiet(stream)


async def test_a_stream_begins_when_it_is_made(start: Callable[[], Process]) -> None:
    driver, passenger = start(), start()
    driver.bus.tell(joined(1))
    # Told before, though not yet written; the first stream keeps the passenger reading from here on.
    early = passenger.bus.events()
    driver.bus.tell(joined(2))
    late = passenger.bus.events()
    driver.bus.tell(joined(3))
    assert await got(early, joined(3)) == [joined(2), joined(3)]
    assert await got(late, joined(3)) == [joined(3)]
    newcomer = start()
    after = newcomer.bus.events()
    driver.bus.tell(joined(4))
    assert await got(after, joined(4)) == [joined(4)]


async def test_a_burst_is_one_transaction_and_the_last_words_are_written(start: Callable[[], Process]) -> None:
    driver, passenger = start(), start()
    stream = passenger.bus.events()
    rung: list[frozenset[str]] = []
    driver.store.subscribe(rung.append)
    for number in range(KEPT):
        driver.bus.tell(joined(number))
    await got(stream, joined(KEPT - 1))
    driver.bus.tell(joined(KEPT))
    await driver.bus.close()
    assert await got(stream, joined(KEPT)) == [joined(KEPT)]
    # The store tells its own process after the commit, which the other one may have seen before.
    assert rung == 2 * [frozenset({"events"})]


async def test_who_does_not_keep_up_loses_the_oldest(start: Callable[[], Process]) -> None:
    driver = start()
    stream = driver.bus.events()
    for number in range(QUEUE_LENGTH + 3):
        driver.bus.tell(joined(number))
    assert (await got(stream, joined(QUEUE_LENGTH + 2)))[0] == joined(3)


async def test_what_a_message_says_comes_from_the_sealed_messages(start: Callable[[], Process], tmp_path: Path) -> None:
    driver, passenger = start(), start()
    stream = passenger.bus.events()
    author = SigningKey.generate()
    message = Message(
        id="ab" * 16, author=peer_id(author), recipient="cd" * 32, series=1, sequence=1, sent_at_ms=1, text=SECRET
    )
    driver.store.messages.receive(sign_message(author, message), message, 1)
    driver.bus.tell(MessageReceived(message.id, message.author, message.text))
    assert await anext(stream) == MessageReceived(message.id, message.author, SECRET)
    driver.bus.tell(MessageReceived("ef" * 16, message.author, SECRET))
    assert await anext(stream) == MessageReceived("ef" * 16, message.author, "")
    assert is_on_disk("MessageReceived", tmp_path)
    assert not is_on_disk(SECRET, tmp_path)


async def test_what_another_version_tells_is_passed_over(start: Callable[[], Process]) -> None:
    driver, passenger = start(), start()
    stream = passenger.bus.events()
    driver.store.events.append(
        [ToldEvent("later", 1 << 62, "SomethingNew", "{}"), ToldEvent("later", 1 << 62, "PeerJoined", '{"peer":1}')]
    )
    driver.bus.tell(joined(1))
    assert await got(stream, joined(1)) == [joined(1)]


async def test_events_outlast_a_store_that_cannot_be_written(
    start: Callable[[], Process], caplog: pytest.LogCaptureFixture
) -> None:
    driver, passenger = start(), start()
    stream = passenger.bus.events()
    with closing(sqlite3.connect(driver.store.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        driver.bus.tell(joined(1))
        await wait_until_async(lambda: "have not reached" in caplog.text)
    driver.bus.tell(joined(2))
    assert await got(stream, joined(2)) == [joined(1), joined(2)]
