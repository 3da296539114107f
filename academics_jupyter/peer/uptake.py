"""Uptake: how many others hold a resource now, and how many have downloaded it, as they have signed it themselves.

A downloader publishes that it holds the bytes, and publishes again when it no longer does; both stay in the store. So
each who has ever downloaded a resource counts once, and goes on counting when their copy is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from academics_jupyter.peer.context import Context
from academics_jupyter.protocol.records import Holding, Signed
from academics_jupyter.registry.port import MAX_HOLDINGS

SETTLED_MS = 60_000
"""What was said longer ago is in the registry, if it holds."""


@dataclass(frozen=True, slots=True)
class Uptake:
    """Others who hold a resource now, and others who have downloaded it since.

    Who describes it too has shared the same bytes independently, and counts as a holder only.
    """

    holders: int
    downloads: int


class UptakeService:
    """Counts what is known here, and asks the registry for what was missed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._doubted: dict[tuple[str, str], tuple[int, int]] = {}
        """Epoch and sequence of what a peer said of a resource, where the registry has not listed it since."""

    async def of(self, resources: Iterable[str]) -> dict[str, Uptake]:
        """The uptake of each resource, from the store alone."""
        return await asyncio.to_thread(lambda: {resource: self._of(resource) for resource in resources})

    async def learn(self, resources: Iterable[str]) -> None:
        """Ask the registry who holds resources, for the news that came while this peer was away. Raises RegistryError.

        What others downloaded from others, and gave up before anybody asked, is not known.
        """
        async with self._context.asking() as registry:
            for resource in resources:
                await asyncio.to_thread(self._note, resource, await registry.holdings(resource))

    def holders(self, resource: str) -> tuple[list[str], list[str]]:
        """Others who hold a resource: those who are online, and the rest. Blocks on the store."""
        holders = [each.peer for each in self._others(resource) if self._holds(each)]
        online = self._context.store.peers.online()
        return [peer for peer in holders if peer in online], [peer for peer in holders if peer not in online]

    def _of(self, resource: str) -> Uptake:
        others = self._others(resource)
        sharers = {each.record.peer for each in self._context.store.records.resources(resource)}
        return Uptake(sum(map(self._holds, others)), sum(each.peer not in sharers for each in others))

    def _others(self, resource: str) -> list[Holding]:
        records = [signed.record for signed in self._context.store.records.holdings(resource)]
        return [record for record in records if record.peer != self._context.me]

    def _holds(self, holding: Holding) -> bool:
        return holding.held and self._doubted.get((holding.resource, holding.peer)) != _number(holding)

    def _note(self, resource: str, listed: list[Signed[Holding]]) -> None:
        """Learn who holds it; who gave it up unheard is not listed any more, though the store still has it so."""
        with self._context.store.transaction():
            for signed in listed:
                self._context.store.records.put(signed)
        holders = {signed.record.peer for signed in listed}
        settled_ms = self._context.clock.now_ms() - SETTLED_MS
        for holding in self._others(resource):
            self._doubted.pop((resource, holding.peer), None)
            if holding.peer not in holders and len(listed) < MAX_HOLDINGS and holding.issued_at_ms < settled_ms:
                self._doubted[resource, holding.peer] = _number(holding)


def _number(holding: Holding) -> tuple[int, int]:
    return holding.epoch, holding.sequence
