"""Where pymongo's errors become the project's. May import pymongo and errors only.

No message holds what pymongo or the server said, for that may quote the URI with its password.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pymongo
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError

from academics_jupyter.errors import RegistryError, RegistryUnreachableError
from academics_jupyter.registry.port import TIMEOUT_S

DRIVER_TIMEOUT_S = TIMEOUT_S - 0.5
"""The driver's own limit: a little shorter, so that it can end what it began."""

_REFUSED_LOGIN = frozenset({18, 8000})
_NOT_ALLOWED = 13
_BAD_VALUE = 2


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
    if isinstance(error, TimeoutError | ConnectionFailure) or error.timeout:
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


def _refusal(error: OperationFailure, place: str) -> str:
    if error.code in _REFUSED_LOGIN:
        return f"{place} refused the user name or password in ACADEMICS_REGISTRY."
    if error.code == _NOT_ALLOWED:
        return f"{place} does not allow this; ask whoever runs it for the role that peers need."
    name = (error.details or {}).get("codeName", "unknown")
    return f"{place} refused the operation (code {error.code}, {name})."
