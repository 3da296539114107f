"""Sharing: taking files into the repository, describing them, offering them, and taking the offer back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from msgspec import structs

from academics_jupyter.errors import UnknownTargetError, UsageError
from academics_jupyter.metadata.describing import Metadata, describe
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.events import ResourceShared
from academics_jupyter.protocol.names import safe_file_name
from academics_jupyter.protocol.records import Author, Holding, Resource, Signed
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.repository import TakenIn

MAX_LINE = 1_000
MAX_ABSTRACT = 10_000
MAX_AUTHORS = 300
MAX_KEYWORDS = 32
MAX_WORD = 100

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a person says of a file; None leaves what the file itself, or an earlier description, says."""

    title: str | None = None
    authors: str | tuple[str, ...] | None = None
    abstract: str | None = None
    keywords: str | tuple[str, ...] | None = None
    license: str | None = None
    doi: str | None = None
    year: int | None = None

    def fields(self) -> dict[str, Any]:
        """The given ones, as a record takes them."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in given.items() if value is not None}
        if "authors" in given:
            given["authors"] = tuple(Author(literal=name) for name in _listed(given["authors"], ";"))
        if "keywords" in given:
            given["keywords"] = tuple(_listed(given["keywords"], ","))
        return given


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource that this profile holds: its description, where it lies, whether we describe it ourselves."""

    resource: Resource
    path: Path
    ours: bool


class SharingService:
    """What this profile offers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def share(self, source: Path, description: Description, on_progress: Progress | None = None) -> Resource:
        """Take a file into the repository, describe it and queue its records for the network.

        Raises UnknownTargetError, UsageError or StoreError; nothing is shared then.
        """
        source = _existing_file(source)
        taken, found = await asyncio.gather(
            asyncio.to_thread(
                self._context.repository.take_in, source, source.name, on_progress, self._context.store.files.get
            ),
            describe(source),
        )
        record = await asyncio.to_thread(self._offer, source.name, taken, found, description)
        self._context.events.tell(ResourceShared(record.id, record.title, record.peer))
        return record

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

    def _kept(self) -> list[Kept]:
        context = self._context
        kept = []
        for held in context.store.files.all():
            try:
                resource = self._known(held.resource)
            except UnknownTargetError:
                # Who described it has taken that back, and nothing can be said of it.
                continue
            kept.append(Kept(resource, context.repository.path_of(held), resource.peer == context.me))
        return kept

    def _offer(self, name: str, taken: TakenIn, found: Metadata, description: Description) -> Resource:
        store = self._context.store
        with store.transaction():
            earlier = store.records.get(Resource, f"{taken.hashes.root}{self._context.me}")
            self.hold(taken.held(self._context.clock.now_ms()))
            if earlier is not None and not earlier.record.withdrawn:
                record = structs.replace(earlier.record, **_fitting(description.fields()), **self._context.header())
            else:
                record = self._described(name, taken, found, description)
            return self._context.publish(record).record

    def _describe(self, resource: str, description: Description) -> Resource:
        with self._context.store.transaction():
            known = self._known(resource)
            changed = structs.replace(known, **_fitting(description.fields()), **self._context.header())
            return self._context.publish(changed).record

    def _hold_no_more(self, resource: str) -> None:
        context = self._context
        ours = context.store.records.get(Holding, f"{resource}{context.me}")
        if ours is not None and ours.record.held:
            context.publish(Holding(**context.header(), resource=resource, held=False))

    def _described(self, name: str, taken: TakenIn, found: Metadata, description: Description) -> Resource:
        said = {field.name: getattr(found, field.name) for field in fields(found)} | description.fields()
        return Resource(
            **self._context.header(),
            id=taken.hashes.root,
            sha256=taken.hashes.sha256,
            size_bytes=taken.hashes.size_bytes,
            file_name=safe_file_name(name),
            created_at_ms=self._context.clock.now_ms(),
            **_fitting(said),
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
            self._context.repository.remove(held)


def _existing_file(source: Path) -> Path:
    source = source.expanduser()
    try:
        source = source.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise UnknownTargetError(f"There is no file {str(source)!r} here: check its name and folder.") from error
    if source.is_dir():
        raise UsageError(f"{source.name!r} is a folder: share its files with {source.name}/*.")
    return source


def _listed(value: str | tuple[str, ...], separator: str) -> list[str]:
    items = value.split(separator) if isinstance(value, str) else value
    return [item.strip() for item in items if item.strip()]


def _fitting(said: dict[str, Any]) -> dict[str, Any]:
    """Cut to what a record takes: a file may say anything of itself."""
    limits = {"title": MAX_LINE, "license": MAX_LINE, "doi": MAX_LINE, "abstract": MAX_ABSTRACT}
    for name, limit in limits.items():
        if name in said:
            said[name] = str(said[name])[:limit]
    if "authors" in said:
        said["authors"] = tuple(said["authors"])[:MAX_AUTHORS]
    if "keywords" in said:
        said["keywords"] = tuple(word[:MAX_WORD] for word in said["keywords"] if word)[:MAX_KEYWORDS]
    return said
