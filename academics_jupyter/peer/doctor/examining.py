"""The doctor: runs every check on a profile, all at once and none for longer than LIMIT_S, and says what to mend.

It works on whatever there is: a profile that is new, offline, driven elsewhere or does not open, a registry that does
not answer. A check says nothing (None) where there is nothing for it to look at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from academics_jupyter.errors import AcademicsError, StoreError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.doctor.case import Case
from academics_jupyter.peer.doctor.diagnosis import Diagnosis, Finding
from academics_jupyter.peer.doctor.network import check_addresses, check_hub, check_others, check_port
from academics_jupyter.peer.doctor.profile import (
    check_disk,
    check_driver,
    check_folder,
    check_keys,
    check_outbox,
    check_profile,
)
from academics_jupyter.peer.doctor.registry import check_clock, check_registry, check_rights
from academics_jupyter.peer.settings import Settings
from academics_jupyter.peer.status import Waiting
from academics_jupyter.registry.inspection import inspected
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.store import wall_clock_ms

LIMIT_S = 10.0
"""More than a registry that does not answer takes, with a knock at its port; reached only where a system call hangs."""

Check = Callable[[Case], Awaitable[Finding | None]]

CHECKS: dict[str, Check] = {
    "profile": check_profile,
    "keys": check_keys,
    "folder": check_folder,
    "disk": check_disk,
    "driver": check_driver,
    "registry": check_registry,
    "clock": check_clock,
    "rights": check_rights,
    "port": check_port,
    "addresses": check_addresses,
    "hub": check_hub,
    "others": check_others,
    "outbox": check_outbox,
}

log = logging.getLogger(__name__)


async def diagnose_unopened(error: AcademicsError, settings: Callable[[], Settings]) -> Diagnosis:
    """As `Peer.diagnose`, where opening the peer with `settings` raised `error`."""
    if isinstance(error, StoreError):
        return await examine(settings(), trouble=error)
    return Diagnosis((Finding("settings", "bad", f"{error} The rest is looked at once this is mended."),))


async def examine(
    settings: Settings,
    context: Context | None = None,
    *,
    trouble: StoreError | None = None,
    drives_here: bool = False,
    waiting: Callable[[], tuple[Waiting, ...]] = tuple,
    wall_ms: Callable[[], int] = wall_clock_ms,
) -> Diagnosis:
    """Examine a profile; the arguments are as the fields of `Case`."""
    folder = ProfileFolder(settings.home, settings.profile)
    given = settings.registry or None
    driver = None
    try:
        driver = await asyncio.to_thread(folder.driver)
    except StoreError as error:
        trouble = trouble or error
    inspection = asyncio.create_task(inspected(given, settings.registry_folder, wall_ms), name="academics-inspection")
    case = Case(
        settings=settings,
        folder=folder,
        context=context,
        trouble=trouble,
        drives_here=drives_here,
        driver=driver,
        waiting=waiting,
        wall_ms=wall_ms,
        inspection=inspection,
    )
    try:
        found = await asyncio.gather(*(_ended(what, check(case)) for what, check in CHECKS.items()))
    finally:
        inspection.cancel()
        await asyncio.gather(inspection, return_exceptions=True)
    return Diagnosis(tuple(finding for finding in found if finding is not None))


async def _ended(what: str, checking: Awaitable[Finding | None]) -> Finding | None:
    """What a check finds, however it ends."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return await checking
    except TimeoutError:
        return Finding(what, "bad", f"not known, for nothing answered in {LIMIT_S:.0f} s", "run the doctor again")
    except (AcademicsError, OSError) as error:
        return Finding(what, "bad", str(error))
    except Exception:
        log.exception("the doctor's check of %s ended in a fault of this program", what)
        return Finding(what, "bad", "could not be looked at for a fault of this program", "report what the log says")
