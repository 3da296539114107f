"""Which process of the profile runs its peer: driving, standing by, and moving the peer between processes.

Who may drive is said by `protocol.driving`, over the wish in the store. A move goes like this:

| who takes the peer over            | who has driven so far                                             |
| ---------------------------------- | ----------------------------------------------------------------- |
| wishes, and renews the wish        |                                                                   |
|                                    | sees the wish, stops without a farewell, gives the lock back      |
| takes the lock, goes online        | stands by                                                         |
| withdraws the wish                 | takes over again if the other one ends                            |

The others see new links in place of the old ones and nobody leave: the lease still runs, and the new epoch is higher.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from academics_jupyter.errors import AcademicsError, HandoverError, ProfileDrivenElsewhereError, UsageError
from academics_jupyter.peer import detached
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.detached import DetachedProcess
from academics_jupyter.peer.engine import Engine
from academics_jupyter.protocol.driving import Wish, may_drive
from academics_jupyter.store.folder import Driver
from academics_jupyter.store.store import wall_clock_ms

STAND_BY_INTERVAL_S = 0.5
"""How often a passenger looks whether the driver is still there."""
LOOK_INTERVAL_S = 0.1
RENEW_INTERVAL_MS = 1_000
ANSWER_TIMEOUT_S = 15.0
"""A driver that does not yield for so long computes: giving everything up takes it some seconds at most."""
DETACH_TIMEOUT_S = 60.0

log = logging.getLogger(__name__)


class Driving:
    """This process's part in it. `engine` is the running peer while this process drives."""

    def __init__(self, context: Context, new_engine: Callable[[], Engine]) -> None:
        self._context, self._new_engine = context, new_engine
        self.engine: Engine | None = None
        self.superseded = asyncio.Event()
        """Set while this process stands by and another one has driven since it did."""
        self._label = f"process {os.getpid()}"
        self._token = secrets.token_hex(8)
        self._standing_by: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._moving = asyncio.Lock()

    @property
    def stands_by(self) -> bool:
        """Whether this process takes over once the driver has ended."""
        return self._standing_by is not None and not self._standing_by.done()

    async def start(self, label: str) -> None:
        """Drive, under a name that tells the other processes what drives; or stand by.

        Raises ProfileDrivenElsewhereError after standing by, and otherwise as `Engine.start`.
        """
        self._label = label or self._label
        async with self._changing:
            try:
                await self._drive()
            except ProfileDrivenElsewhereError:
                self._stand_by()
                raise

    async def stop(self) -> None:
        """Leave the network if this process drives; stand by no more. Safe to repeat."""
        async with self._changing:
            for task in (self._standing_by, self._watching):
                if task is not None:
                    task.cancel()
            self._standing_by = self._watching = None
            engine, self.engine = self.engine, None
            if engine is not None:
                await engine.stop()

    async def attach(self, label: str) -> None:
        """Drive, in place of whichever process does. Raises HandoverError where that one does not yield."""
        self._label = label or self._label
        async with self._moving, self._wishing():
            await self._take_over()

    async def detach(self) -> Driver:
        """Have `academics serve` drive in place of this process, which stands by. Says which process does.

        Raises HandoverError where it does not come up, and this process drives on if it did.
        """
        async with self._moving:
            drove = self.engine is not None
            process = await asyncio.to_thread(detached.begin, self._context.settings, self._context.folder.serve_log)
            try:
                async with asyncio.timeout(DETACH_TIMEOUT_S):
                    driver = await self._driven_by(process)
            except BaseException as error:
                await asyncio.to_thread(process.end)
                if drove:
                    await self._drive_again()
                if isinstance(error, TimeoutError):
                    raise HandoverError("Your peer stays where it is: academics serve took too long.") from error
                raise
            async with self._changing:
                self._stand_by()
            return driver

    async def _drive(self) -> None:
        """Run the peer here, if it does not. Raises ProfileDrivenElsewhereError where another process does or will."""
        if self.engine is not None:
            return
        if not await self._may_drive():
            raise ProfileDrivenElsewhereError("Another process is taking your peer over just now; it is used here.")
        await asyncio.to_thread(self._context.store.database.grow_log)
        settings = self._context.settings
        engine = self._new_engine()
        try:
            await engine.start(self._label)
        except OSError as error:
            where = f"port {settings.port} of {settings.bind_host or 'this machine'}"
            raise UsageError(
                f"The server cannot use {where} ({error.strerror}): set ACADEMICS_PORT to a free one, or to 0."
            ) from error
        self.engine = engine
        self.superseded.clear()
        self._watching = asyncio.create_task(self._yield_when_asked(), name="academics-driving")
        await asyncio.to_thread(self._context.store.driving.drives, self._token, wall_clock_ms())

    async def _drive_again(self) -> None:
        """After the process that was to drive has ended, maybe with a wish of its own left."""
        async with self._wishing(), self._changing:
            try:
                await self._drive()
            except AcademicsError as error:
                log.info("not driving again yet: %s", error)
                self._stand_by()

    async def _may_drive(self) -> bool:
        return may_drive(await self._wished(), self._token, wall_clock_ms())

    async def _wished(self) -> Wish | None:
        return await asyncio.to_thread(self._context.store.driving.wish)

    async def _yield_when_asked(self) -> None:
        """As the driver: stop once another process may drive and this one may not."""
        with self._context.changes.watched("driving") as changed:
            while await self._may_drive():
                await changed.wait()
                changed.clear()
        async with self._changing:
            engine, self.engine = self.engine, None
            if engine is not None:
                try:
                    await engine.stop(farewell=False)
                finally:
                    self._stand_by()

    def _stand_by(self) -> None:
        if not self.stands_by:
            self._standing_by = asyncio.create_task(self._take_over_at_the_end(), name="academics-standing-by")

    async def _take_over_at_the_end(self) -> None:
        """As a passenger: take over when the driver ends, however it ends."""
        rows = self._context.store.driving
        while self.engine is None:
            await asyncio.sleep(STAND_BY_INTERVAL_S)
            if not self.superseded.is_set() and await asyncio.to_thread(rows.driver) != self._token:
                # Whoever ends once another process has driven does so now, though that one may have ended as well.
                self.superseded.set()
                continue
            if await asyncio.to_thread(self._context.folder.driver) is not None:
                continue
            async with self._changing:
                try:
                    await self._drive()
                except AcademicsError as error:
                    log.info("not taking over from the driver: %s", error)

    async def _take_over(self) -> None:
        """Wait for the driver to yield, and drive."""
        loop = asyncio.get_running_loop()
        gives_up_s = loop.time() + ANSWER_TIMEOUT_S
        while self.engine is None:
            driver = await asyncio.to_thread(self._context.folder.driver)
            if driver is None:
                with suppress(ProfileDrivenElsewhereError):
                    async with self._changing:
                        await self._drive()
                    return
            elif loop.time() > gives_up_s:
                raise HandoverError(
                    f"Your peer runs in {driver.label}, which is busy and does not answer: wait until its cell has"
                    " ended or interrupt it, then attach again."
                )
            await self._go_on_wishing()
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def _driven_by(self, process: DetachedProcess) -> Driver:
        """Wait until a detached process drives and has nothing left to wish for. Raises HandoverError if it ends."""
        while await asyncio.to_thread(lambda: process.is_running):
            driver = await asyncio.to_thread(self._context.folder.driver)
            if driver is not None and driver.pid == process.pid and await self._wished() is None:
                return driver
            await asyncio.sleep(LOOK_INTERVAL_S)
        raise HandoverError(f"Your peer stays where it is: academics serve ended. {process.last_words}".rstrip())

    @asynccontextmanager
    async def _wishing(self) -> AsyncIterator[None]:
        rows = self._context.store.driving
        await asyncio.to_thread(rows.make_wish, Wish(self._token, wall_clock_ms()))
        try:
            yield
        finally:
            await asyncio.to_thread(rows.withdraw_wish, self._token)

    async def _go_on_wishing(self) -> None:
        """Renew the wish where that is due. Raises HandoverError where another process has wished since."""
        wish, now_ms = await self._wished(), wall_clock_ms()
        if wish is None or wish.token != self._token:
            raise HandoverError("Another process is taking your peer over just now: try again in a moment.")
        if not 0 <= now_ms - wish.renewed_at_ms <= RENEW_INTERVAL_MS:
            await asyncio.to_thread(self._context.store.driving.renew_wish, Wish(self._token, now_ms))
