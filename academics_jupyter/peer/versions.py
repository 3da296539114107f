"""Versions: what one person shares again, changed and under the same name, as a chain of resources.

Each of the chain is a resource of its own, and names the one before it. That counts only between two descriptions by
the same person, from a higher version to a lower one: nobody can put theirs into another's chain, or make a ring.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from academics_jupyter.metadata.describing import Metadata
from academics_jupyter.protocol.records import Resource
from academics_jupyter.store.records import Records

MAX_VERSIONS = 1_000
MAX_ASKED = 100
"""So many former versions are looked up."""

Newer: TypeAlias = dict[tuple[str, str], Resource]

CARRIED = ("title", "authors", "abstract", "keywords", "license")
"""A DOI and a year are those of one publication, and what has changed since is not what they stand for."""


def former_version(records: Records, me: str, file_name: str, resource: str, *, is_folder: bool) -> Resource | None:
    """Our newest resource of that name, if it is another one than `resource`, which is being shared."""
    ours = [
        record
        for record in (signed.record for signed in records.described_by(me, file_name))
        if record.file_name == file_name and not record.withdrawn and (record.files > 0) is is_folder
    ]
    newest = max(ours, key=_age, default=None)
    return None if newest is None or newest.id == resource else newest


def carried_over(former: Resource, before: Metadata, now: Metadata) -> dict[str, Any]:
    """What the description of a former version says of the new one too.

    `before` is what the former file says of itself, `now` what the new one does. Where the two say the same (nothing,
    often), what the description says counts, for whatever the person put there by hand is still true. Where the new
    file says something else than the former, the file counts: its author has changed it there.
    """
    return {name: getattr(former, name) for name in CARRIED if getattr(before, name) == getattr(now, name)}


def chain(records: Records, resource: Resource) -> list[Resource]:
    """The versions known here that the sharer of `resource` has made of it, newest first; itself among them.

    At about MAX_VERSIONS it ends, for anyone may publish any number of them.
    """
    found = {resource.id: resource}
    earlier = resource
    while earlier.previous and earlier.previous not in found and len(found) < MAX_VERSIONS:
        signed = records.get(Resource, f"{earlier.previous}{resource.peer}")
        if signed is None or signed.record.withdrawn or signed.record.version >= earlier.version:
            break
        earlier = found[signed.record.id] = signed.record
    waiting = list(found.values())
    while waiting and len(found) < MAX_VERSIONS:
        for later in later_versions(records, waiting.pop()):
            if later.id not in found:
                found[later.id] = later
                waiting.append(later)
    return sorted(found.values(), key=_age, reverse=True)


async def all_versions(
    records: Records, resource: Resource, learn: Callable[[str], Awaitable[object]]
) -> list[Resource]:
    """As `chain`, with those before it that are not known here yet: `learn` has a resource looked up."""
    asked: set[str] = set()
    while True:
        known = await asyncio.to_thread(chain, records, resource)
        former = known[-1].previous
        if not former or former in asked or len(asked) == MAX_ASKED:
            return known
        asked.add(former)
        await learn(former)


def later_versions(records: Records, resource: Resource) -> list[Resource]:
    """Those known here that name `resource` as their previous version, by the same person."""
    named = (signed.record for signed in records.naming(resource.peer, resource.id))
    return [each for each in named if _follows(each, resource)]


def outdated(records: Records) -> Newer:
    """For each (resource, sharer) that has a newer version known here: that version."""
    newer: Newer = {}
    for record in _newest_last(signed.record for signed in records.later_versions()):
        former = (record.previous, record.peer)
        if former[0] and not record.withdrawn:
            newer[former] = record
    return newer


def newest_after(newer: Newer, resource: Resource) -> Resource | None:
    """The newest version that follows a resource, by what `outdated` has found."""
    newest = resource
    while (later := newer.get((newest.id, newest.peer))) is not None and later.version > newest.version:
        newest = later
    return None if newest is resource else newest


def _newest_last(records: Iterable[Resource]) -> list[Resource]:
    return sorted(records, key=_age)


def _follows(later: Resource, earlier: Resource) -> bool:
    return later.previous == earlier.id and later.version > earlier.version and not later.withdrawn


def _age(record: Resource) -> tuple[int, int, str]:
    return record.version, record.created_at_ms, record.id
