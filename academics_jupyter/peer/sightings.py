"""When somebody was last seen: by this profile itself, or as the last presence tells that the registry has of them."""

from __future__ import annotations

from collections.abc import Iterable

from academics_jupyter.peer.context import Context

ASK_AGAIN_MS = 60_000
MAX_ASKED = 500
"""How many peers are asked for at a time."""


class Sightings:
    """Remembers what the registry says of those who are away, and asks it again after a while."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen_ms: dict[str, int] = {}
        self._asked_ms: dict[str, int] = {}

    async def look(self, peers: Iterable[str]) -> None:
        """Ask for those of `peers` of whom nothing has been asked for a while. Raises RegistryError."""
        now_ms = self._context.clock.now_ms()
        due = [peer for peer in dict.fromkeys(peers) if now_ms - self._asked_ms.get(peer, 0) > ASK_AGAIN_MS][:MAX_ASKED]
        if not due:
            return
        self._asked_ms |= dict.fromkeys(due, now_ms)
        async with self._context.asking() as registry:
            presences = await registry.presences(frozenset(due))
        for signed in presences:
            # Somebody's clock may be fast, and none has been seen in the future.
            self._seen_ms[signed.record.peer] = min(signed.record.issued_at_ms, now_ms)

    def last_seen_ms(self, peer: str) -> int:
        """When a peer was last seen, in milliseconds since 1970; 0 where nothing is known. Reads the store."""
        contact = self._context.store.peers.get(peer)
        return max(self._seen_ms.get(peer, 0), contact.last_seen_ms if contact else 0)
