"""What the doctor examines: one profile in this process, opened or not, and the registry it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from academics_jupyter.errors import AcademicsError, StoreError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.settings import Settings
from academics_jupyter.peer.status import Waiting
from academics_jupyter.protocol.records import Presence
from academics_jupyter.registry.inspection import RegistryHealth
from academics_jupyter.store.folder import Driver, ProfileFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`context` is None where the profile is new or could not be opened, and `trouble` says why it could not.

    `driver` is the process that drives the profile, None where none does; `waiting` tells what its outbox holds, oldest
    first. `wall_ms` is this machine's clock. `inspection` looks the registry over, once for all checks.
    """

    settings: Settings
    folder: ProfileFolder
    context: Context | None
    trouble: StoreError | None
    drives_here: bool
    driver: Driver | None
    waiting: Callable[[], tuple[Waiting, ...]]
    wall_ms: Callable[[], int]
    inspection: asyncio.Task[RegistryHealth]

    @property
    def is_online(self) -> bool:
        """Whether the peer runs, here or in another process."""
        return self.driver is not None

    @property
    def presence(self) -> Presence | None:
        """What the driver announced last; the store has it, so that a passenger knows it too."""
        signed = self.context.store.records.get(Presence, self.context.me) if self.context else None
        return signed.record if signed and signed.record.online and self.is_online else None

    @property
    def as_told(self) -> str:
        """How a finding names its source where that is another process."""
        return "" if self.drives_here or self.driver is None else f", as {self.driver.label} noted it"

    def age_ms(self, presence: Presence, health: RegistryHealth) -> float:
        """How long ago a presence was renewed, by the registry's clock."""
        return self.wall_ms() - health.clock_off_ms - presence.issued_at_ms

    async def health(self) -> RegistryHealth:
        """The registry's. Raises as `inspected`."""
        # Shielded: a check that is out of time must not take it from the others.
        return await asyncio.shield(self.inspection)

    async def health_if_any(self) -> RegistryHealth | None:
        """The same; None where the registry does not answer or refuses."""
        try:
            return await self.health()
        except AcademicsError:
            return None


def span(ms: float) -> str:
    """A length of time for people."""
    seconds = abs(ms) / 1000
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
