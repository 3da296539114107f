"""What the doctor asks a registry beside what the port answers: its clock, its kind, and what a peer may do there.

May import pymongo, protocol, errors and the registry's other modules.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from academics_jupyter.registry.documents import COLLECTIONS, Document
from academics_jupyter.registry.edge import DRIVER_TIMEOUT_S, bounded
from academics_jupyter.registry.mongo import DEFAULT_DATABASE, checked_host
from academics_jupyter.registry.opening import PLACE, open_registry
from academics_jupyter.registry.port import Members
from academics_jupyter.registry.schema import TERMS

PEER_ACTIONS = ("find", "insert", "update")
"""What a peer's role must allow on each collection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryHealth:
    """A registry that answers. `clock_off_ms` is how far this machine's clock is ahead of the registry's.

    `lacking` are the rights that a peer needs and has not, as "ACTION on COLLECTION"; it is empty too where the
    registry asks nobody who they are (`is_guarded` false).
    """

    round_trip_ms: float
    clock_off_ms: int
    version: str
    is_replicated: bool
    takes_writes: bool
    is_guarded: bool
    lacking: tuple[str, ...]
    members: Members


async def inspected(given: str | None, folder: Path, wall_ms: Callable[[], int]) -> RegistryHealth:
    """Look a registry over, the embedded one of `folder` where no URI is given; `wall_ms` is this machine's clock.

    Raises UsageError for a malformed URI, RegistryUnreachableError, MongodMissingError or another RegistryError.
    """
    registry = open_registry(given, folder)
    try:
        await registry.open()
        members = await registry.members()
        address, place = _named(given, folder)
        async with bounded(place):
            client: AsyncMongoClient[Document] = AsyncMongoClient(
                address,
                appname="academics",
                serverSelectionTimeoutMS=int(DRIVER_TIMEOUT_S * 1000),
                datetime_conversion="DATETIME_MS",
            )
            try:
                return await _asked(client.get_default_database(DEFAULT_DATABASE), members, wall_ms)
            finally:
                await client.close()
    finally:
        await registry.close()


def tcp_hosts(given: str) -> list[tuple[str, int]]:
    """The hosts and ports that a URI names itself; none for `mongodb+srv`, whose name servers tell them."""
    if not given.strip().startswith("mongodb://"):
        return []
    try:
        nodes = parse_uri(given.strip())["nodelist"]
    except (PyMongoError, ValueError):
        return []
    return [(host, port) for host, port in nodes if port]


def _named(given: str | None, folder: Path) -> tuple[str, str]:
    """The URI of a registry that has been opened, and how messages name it."""
    if given and given.strip():
        return given.strip(), f"The registry at {checked_host(given.strip())}"
    # Late, for it needs POSIX.
    from academics_jupyter.registry.layout import Layout, uri

    return uri(Layout(folder.absolute()).socket()), PLACE


async def _asked(database: AsyncDatabase[Document], members: Members, wall_ms: Callable[[], int]) -> RegistryHealth:
    info = await database.client.server_info()
    began_ms, began_s = wall_ms(), time.perf_counter()
    hello = await database.command("hello", codec_options=database.codec_options)
    round_trip_ms = (time.perf_counter() - began_s) * 1000
    status = (await database.command("connectionStatus", showPrivileges=True))["authInfo"]
    is_guarded = bool(status["authenticatedUsers"])
    return RegistryHealth(
        round_trip_ms=round_trip_ms,
        clock_off_ms=round(began_ms + round_trip_ms / 2 - int(hello["localTime"])),
        version=str(info["version"]),
        is_replicated="setName" in hello or hello.get("msg") == "isdbgrid",
        takes_writes=bool(hello.get("isWritablePrimary")),
        is_guarded=is_guarded,
        lacking=_lacking(database.name, status["authenticatedUserPrivileges"]) if is_guarded else (),
        members=members,
    )


def _lacking(database: str, privileges: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    allowed = [(each["resource"], set(each["actions"])) for each in privileges]
    return tuple(
        f"{action} on {collection}"
        for collection in dict.fromkeys((*COLLECTIONS.values(), TERMS))
        for action in PEER_ACTIONS
        if not any(action in actions and _covers(where, database, collection) for where, actions in allowed)
    )


def _covers(where: dict[str, Any], database: str, collection: str) -> bool:
    if where.get("anyResource"):
        return True
    return where.get("db") in ("", database) and where.get("collection") in ("", collection)
