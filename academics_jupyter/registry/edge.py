"""Where pymongo's errors become the project's, and what passes is tried again. May import pymongo and errors only.

No message holds what pymongo or the server said, for that may quote the URI with its password.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pymongo
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError

from academics_jupyter.errors import RegistryError, RegistryUnreachableError
from academics_jupyter.registry.port import TIMEOUT_S

DRIVER_TIMEOUT_S = TIMEOUT_S - 0.5
"""The driver's own limit: a little shorter, so that it can end what it began."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.32
"""Between attempts, each twice the last: a socket that refuses tells of nothing one could wait for instead."""

_PASSING = frozenset({6, 7, 43, 89, 91, 134, 175, 189, 237, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436})
"""What a server says that is ending, or has begun anew: not primary, shutting down, a cursor that is gone."""

_REFUSED_LOGIN = frozenset({18, 8000})
_NOT_ALLOWED = 13
_BAD_VALUE = 2

T = TypeVar("T")
Database = AsyncDatabase[dict[str, Any]]


async def answered(place: str, database: Callable[[], Database], call: Callable[[Database], Awaitable[T]]) -> T:
    """What `call` returns, repeated while the server is away or not yet primary; so it must be safe to repeat.

    The driver's own retries are off, for they do not cover this: over a direct connection, as to the embedded registry,
    it takes whatever server is there for one to write to, and cannot wait until that is primary. `database` gives what
    to call it with, or raises where the registry has been closed meanwhile. Raises as `bounded` does.
    """
    async with bounded(place):
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await _uncancelled(call(database()))
            except PyMongoError as error:
                database()
                if error.timeout or not _passes(error):
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _uncancelled(call: Awaitable[T]) -> T:
    """What a call of the driver gives; whoever is cancelled here leaves it to end by the driver's own limit.

    The lock of pymongo's topology does not survive a cancellation at the wrong moment of waiting for a server: it stays
    locked, and from then on nobody is answered.
    """
    calling = asyncio.ensure_future(call)
    calling.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody may be there to see it
    return await asyncio.shield(calling)


@asynccontextmanager
async def bounded(place: str) -> AsyncIterator[None]:
    """Let what is inside take TIMEOUT_S at most, and translate its errors. `place` names the registry to the user.

    Raises RegistryUnreachableError or RegistryError.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            with pymongo.timeout(DRIVER_TIMEOUT_S):
                yield
    except (TimeoutError, PyMongoError) as error:
        raise translated(error, place) from error


def translated(error: TimeoutError | PyMongoError, place: str) -> RegistryError:
    """The error the user is shown for one of pymongo's."""
    if isinstance(error, TimeoutError) or error.timeout or _passes(error):
        return RegistryUnreachableError(
            f"{place} does not answer; what you do now goes out when it is back. Check the network if this lasts."
        )
    if isinstance(error, OperationFailure):
        return RegistryError(_refusal(error, place))
    if isinstance(error, ConfigurationError):
        return RegistryError(
            f"{place} cannot be used as ACADEMICS_REGISTRY describes it; check its address and options."
        )
    return RegistryError(f"{place} failed ({type(error).__name__}).")


def is_missing_hint(error: PyMongoError) -> bool:
    """Whether a query failed for want of the index it asked for."""
    return isinstance(error, OperationFailure) and error.code == _BAD_VALUE


def _passes(error: PyMongoError) -> bool:
    """Whether it says that the server is not there or not ready, rather than that it does not want to."""
    return isinstance(error, ConnectionFailure) or (isinstance(error, OperationFailure) and error.code in _PASSING)


def _refusal(error: OperationFailure, place: str) -> str:
    if error.code in _REFUSED_LOGIN:
        return f"{place} refused the user name or password in ACADEMICS_REGISTRY."
    if error.code == _NOT_ALLOWED:
        return f"{place} does not allow this; ask whoever runs it for the role that peers need."
    name = (error.details or {}).get("codeName", "unknown")
    return f"{place} refused the operation (code {error.code}, {name})."
