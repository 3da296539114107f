"""Does at the driver what any kernel of the profile has decided: a changed profile, a peer to have nothing to do with.

The kernel that decides writes it to the store; the driver is woken by the topic and sees to what runs only there. (What
is to be sent is the courier's, what is to be downloaded the downloader's.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from academics_jupyter.peer.context import Context
from academics_jupyter.store.profile import ProfileDetails


class Steward:
    """`renew_soon` announces the profile's presence anew; `part_from` hangs up on a peer and takes its tokens back."""

    def __init__(
        self, context: Context, renew_soon: Callable[[], None], part_from: Callable[[str], Awaitable[None]]
    ) -> None:
        self._context, self._renew_soon, self._part_from = context, renew_soon, part_from

    async def serve(self) -> None:
        """For ever."""
        announced = self._context.store.profile.get()
        with self._context.changes.watched("profile", "peers") as changed:
            while True:
                changed.clear()
                details, blocked = await asyncio.to_thread(self._decided)
                if details != announced:
                    announced = details
                    self._renew_soon()
                # Each time, as a link may have come up while its peer was being blocked.
                for peer in blocked:
                    await self._part_from(peer)
                await changed.wait()

    def _decided(self) -> tuple[ProfileDetails | None, frozenset[str]]:
        store = self._context.store
        return store.profile.get(), store.peers.blocked()
