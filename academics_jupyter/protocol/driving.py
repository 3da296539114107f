"""Which process of a profile may drive its peer, where another one wishes to. Pure; imports nothing of the package.

A process that wants to drive while another one does leaves a wish with a token of its own, renews it while it waits,
and withdraws it once it drives or has given up. One wish counts for a profile: the last.

| the wish                                        | whoever made it | everybody else |
| ----------------------------------------------- | --------------- | -------------- |
| none                                            | may drive       | may drive      |
| renewed less than WISH_LIFETIME_MS ago          | may drive       | may not        |
| older than that, or from a time yet to come     | may drive       | may drive      |

Who may not drive leaves the lock alone, and gives it back if they hold it. So the lock goes to whoever wished for it,
though others want it too; and a wisher that died keeps the peer offline for no longer than WISH_LIFETIME_MS.
"""

from __future__ import annotations

from dataclasses import dataclass

WISH_LIFETIME_MS = 3_000


@dataclass(frozen=True, slots=True)
class Wish:
    """A process's wish to drive: its token, and when it was renewed, in milliseconds since 1970."""

    token: str
    renewed_at_ms: int


def may_drive(wish: Wish | None, token: str, now_ms: int) -> bool:
    """Whether the process with `token` may take the driver's lock at `now_ms`, or keep it."""
    if wish is None or wish.token == token:
        return True
    return not 0 <= now_ms - wish.renewed_at_ms < WISH_LIFETIME_MS
