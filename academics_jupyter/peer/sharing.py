"""Sharing: taking files and folders into the repository, describing them, offering them, taking the offer back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from academics_jupyter.errors import UnknownTargetError, UsageError
from academics_jupyter.metadata.describing import Metadata, describe, describe_folder
from academics_jupyter.metadata.kinds import kind_and_media_type
from academics_jupyter.metadata.titles import title_from_name
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.description import Description, fitting
from academics_jupyter.peer.events import ResourceShared
from academics_jupyter.peer.taking import Progress, Seen, Taken, look_at, take_in
from academics_jupyter.peer.versions import carried_over, former_version
from academics_jupyter.protocol.names import safe_file_name
from academics_jupyter.protocol.records import Holding, Resource, Signed
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.folders import remove_folder

UNKNOWN_SHA256 = "0" * 64


AGAIN = "You share this already: publishing it changes what is said of it."
NEXT = "You share another {name}: this becomes version {version} of it."


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource that this profile holds: its description, where it lies, whether we describe it ourselves."""

    resource: Resource
    path: Path
    ours: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """What has been shared; of a folder, how many links, hidden files and the like were `left_out`."""

    resource: Resource
    left_out: int = 0

    @property
    def notice(self) -> str:
        """What the person is to know of it, in one line; empty where all was shared."""
        return left_out_notice(self.left_out, self.resource.file_name)


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file or folder is, what would be said of it, and what the person is to know of it before, if anything."""

    seen: Seen
    said: Metadata
    notice: str = ""


def left_out_notice(left_out: int, name: str) -> str:
    """One line on what of a folder is not shared; empty where all is."""
    return f"{left_out:,} links, hidden files and the like in {name} were left out." if left_out else ""


def _metadata_of(record: Resource) -> Metadata:
    return Metadata(**{field.name: getattr(record, field.name) for field in fields(Metadata)})


class SharingService:
    """What this profile offers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def share(
        self,
        source: Path,
        description: Description,
        on_progress: Progress | None = None,
        only: Iterable[Path] | None = None,
        said: Metadata | None = None,
    ) -> Shared:
        """Take a file or folder into the repository, describe it and queue its records for the network.

        Of a folder, `only` are the files to share. Where the person has shared something else under that name before,
        this is its next version. What is `said` of it counts, in place of what the file and the former version say.
        Raises UnknownTargetError, UsageError or StoreError; nothing is shared then.
        """
        taken = await take_in(self._context, source, on_progress, only, said)
        former = await asyncio.to_thread(self._former, taken.name, taken.id, is_folder=taken.files > 0)
        carried: dict[str, Any] = {}
        if former is not None and said is None:
            carried = carried_over(former, await self._said_before(former, taken.name), taken.found)
        record = await asyncio.to_thread(self._offer, taken, description, former, carried, certain=said is not None)
        self._context.events.tell(ResourceShared(record.id, record.title, record.peer))
        return Shared(record, taken.left_out)

    async def inspect(self, source: Path, on_progress: Progress | None = None) -> Inspected:
        """See what sharing a file or folder would say of it; nothing is taken in or published.

        Raises UnknownTargetError or UsageError.
        """
        seen = await look_at(self._context, source, on_progress)
        name = seen.path.name
        left_out = left_out_notice(seen.left_out, name)
        ours = self._context.store.records.get(Resource, f"{seen.id}{self._context.me}") if seen.id else None
        if ours is not None and not ours.record.withdrawn:
            return Inspected(seen, _metadata_of(ours.record), f"{AGAIN} {left_out}".strip())
        former = await asyncio.to_thread(self._former, name, seen.id, is_folder=seen.files > 0)
        if former is None:
            return Inspected(seen, seen.found, left_out)
        said = replace(seen.found, **carried_over(former, await self._said_before(former, name), seen.found))
        return Inspected(seen, said, f"{NEXT.format(version=former.version + 1, name=name)} {left_out}".strip())

    async def describe(self, resource: str, description: Description) -> Resource:
        """Change our description of a resource; of somebody else's, begin one of our own."""
        record = await asyncio.to_thread(self._describe, resource, description)
        self._context.events.tell(ResourceShared(record.id, record.title, record.peer))
        return record

    async def unshare(self, resource: str, *, delete: bool = False) -> None:
        """Offer it no more; with `delete`, remove our copy too."""
        await asyncio.to_thread(self._withdraw, resource, delete)

    async def kept(self) -> list[Kept]:
        """What this profile holds, the latest first, from the store alone."""
        return await asyncio.to_thread(self._kept)

    def lost(self, resource: str) -> None:
        """Our copy is gone or changed, or was never here though we are said to hold it: take that back.

        Nothing of a changed file is deleted.
        """
        store = self._context.store
        with store.transaction():
            store.files.remove(resource)
            self._hold_no_more(resource)

    def hold(self, held: HeldFile) -> None:
        """We have the bytes: remember where, and say so."""
        store = self._context.store
        with store.transaction():
            store.files.put(held)
            self._context.publish(Holding(**self._context.header(), resource=held.resource, held=True))

    def undescribed(self, held: HeldFile) -> Resource:
        """What to show of something held that nobody describes, such as a file chosen from a folder; not published."""
        rows = [row for row in self._context.store.downloads.all() if row.resource == held.resource]
        name = rows[0].name if rows else Path(held.path).name
        kind, media_type = kind_and_media_type(name, b"")
        return Resource(
            peer=self._context.me,
            epoch=0,
            sequence=0,
            issued_at_ms=held.added_at_ms,
            expires_at_ms=held.added_at_ms,
            id=held.resource,
            sha256=UNKNOWN_SHA256,
            size_bytes=held.size_bytes,
            file_name=name,
            media_type=media_type,
            kind=kind,
            title=title_from_name(name),
            created_at_ms=held.added_at_ms,
        )

    def _former(self, name: str, resource: str, *, is_folder: bool) -> Resource | None:
        """What this is the next version of, if anything."""
        records, file_name = self._context.store.records, safe_file_name(name)
        return former_version(records, self._context.me, file_name, resource, is_folder=is_folder)

    async def _said_before(self, former: Resource, name: str) -> Metadata:
        """What the former version says of itself; nothing, where we no longer have it."""
        if former.files:
            return describe_folder(name)
        held = self._context.store.files.get(former.id)
        there = held is not None and self._context.repository.still_held(held)
        return await describe(self._context.repository.path_of(held) if held and there else Path(), name=name)

    def _kept(self) -> list[Kept]:
        context = self._context
        kept = []
        for held in context.store.files.all():
            try:
                resource = self._known(held.resource)
            except UnknownTargetError:
                resource = self.undescribed(held)
            ours = context.store.records.get(Resource, f"{held.resource}{context.me}") is not None
            kept.append(Kept(resource, context.repository.path_of(held), ours))
        return kept

    def _offer(
        self,
        taken: Taken,
        description: Description,
        former: Resource | None,
        carried: dict[str, Any],
        *,
        certain: bool,
    ) -> Resource:
        """Publish it; where it is described already, only what the person says of it now is changed."""
        store = self._context.store
        found = {field.name: getattr(taken.found, field.name) for field in fields(taken.found)}
        with store.transaction():
            earlier = store.records.get(Resource, f"{taken.id}{self._context.me}")
            self.hold(taken.held(self._context.clock.now_ms()))
            if earlier is not None and not earlier.record.withdrawn:
                said = fitting((found if certain else {}) | description.fields())
                record = structs.replace(earlier.record, **said, **self._context.header())
            else:
                versions = {"version": former.version + 1, "previous": former.id} if former else {}
                record = self._described(taken, fitting(found | carried | versions | description.fields()))
            return self._context.publish(record).record

    def _describe(self, resource: str, description: Description) -> Resource:
        with self._context.store.transaction():
            known = self._known(resource)
            changed = structs.replace(known, **fitting(description.fields()), **self._context.header())
            return self._context.publish(changed).record

    def _hold_no_more(self, resource: str) -> None:
        context = self._context
        ours = context.store.records.get(Holding, f"{resource}{context.me}")
        if ours is not None and ours.record.held:
            context.publish(Holding(**context.header(), resource=resource, held=False))

    def _described(self, taken: Taken, said: dict[str, Any]) -> Resource:
        return Resource(
            **self._context.header(),
            id=taken.id,
            sha256=taken.sha256,
            size_bytes=taken.size_bytes,
            file_name=safe_file_name(taken.name),
            created_at_ms=self._context.clock.now_ms(),
            files=taken.files,
            **said,
        )

    def _known(self, resource: str) -> Resource:
        records = self._context.store.records
        ours = records.get(Resource, f"{resource}{self._context.me}")
        others = [signed for signed in records.resources(resource) if not signed.record.withdrawn]
        known: Signed[Resource] | None = ours or next(iter(others), None)
        if known is None:
            raise UnknownTargetError(f"No description of {resource[:12]}… is known here: %explore finds resources.")
        return structs.replace(known.record, withdrawn=False)

    def _withdraw(self, resource: str, delete: bool) -> None:
        store = self._context.store
        with store.transaction():
            ours = store.records.get(Resource, f"{resource}{self._context.me}")
            held = store.files.get(resource)
            if held is None and (ours is None or ours.record.withdrawn):
                raise UsageError(f"{resource[:12]}… is not in your repository: %repository shows what is.")
            if ours is not None and not ours.record.withdrawn:
                self._context.publish(structs.replace(ours.record, withdrawn=True, **self._context.header()))
            store.files.remove(resource)
            self._hold_no_more(resource)
        if held is not None and delete:
            if held.is_folder:
                remove_folder(self._context.repository, held)
            else:
                self._context.repository.remove(held)
