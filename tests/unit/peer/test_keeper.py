"""The thread that writes what somebody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from academics_jupyter.errors import StoreError
from academics_jupyter.peer.keeper import Keeper
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.store import Store


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[tuple[Keeper, Store, Keys]]:
    keys = Keys.generate()
    store = Store.open(ProfileFolder(tmp_path, "default"), keys)
    keeper = Keeper(store)
    yield keeper, store, keys
    keeper.close()
    store.close()


async def test_writes_follow_in_the_order_of_the_calls(kept: tuple[Keeper, Store, Keys]) -> None:
    keeper, store, keys = kept
    peer, texts = "0b" * 32, [f"number {number}" for number in range(20)]
    compose = store.messages.compose
    said = await asyncio.gather(*(keeper.kept(compose, keys.signing, peer, text, 1) for text in texts))
    assert [message.text for message in store.messages.history(peer)] == texts
    assert [message.sequence for message in said] == list(range(1, 21))


async def test_what_fails_is_raised_and_nothing_of_it_is_written(kept: tuple[Keeper, Store, Keys]) -> None:
    keeper, store, keys = kept

    def compose_and_fail() -> None:
        store.messages.compose(keys.signing, "0b" * 32, "never said", 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await keeper.kept(compose_and_fail)
    assert store.outbox.waiting() == []
    assert await keeper.kept(lambda: "and goes on") == "and goes on"


async def test_whoever_no_longer_waits_has_it_written_all_the_same(kept: tuple[Keeper, Store, Keys]) -> None:
    keeper, store, keys = kept
    waiting = asyncio.ensure_future(keeper.kept(store.messages.compose, keys.signing, "0b" * 32, "said", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    keeper.close()
    assert [message.text for message in store.messages.history("0b" * 32)] == ["said"]
    with pytest.raises(StoreError):
        await keeper.kept(lambda: None)
