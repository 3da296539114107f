"""The peer: everything a person can do, one method each. Magics, panels, command line and notebooks all call these.

A peer starts unregistered, is given a profile by `register`, goes online with `start` and offline with `stop`. What it
is told to do is written to the profile's store first, so most of it works offline, and in a second kernel of the
profile (a passenger) while the first one (the driver) carries it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academics_jupyter.errors import UnknownTargetError
from academics_jupyter.metadata.bibtex import bibtex
from academics_jupyter.peer import tables
from academics_jupyter.peer.description import Description
from academics_jupyter.peer.doctor.diagnosis import Diagnosis
from academics_jupyter.peer.doctor.examining import examine
from academics_jupyter.peer.event_bus import EventStream
from academics_jupyter.peer.exploring import Explored, Listing
from academics_jupyter.peer.exporting import export_torrent
from academics_jupyter.peer.own_chats import OwnChats
from academics_jupyter.peer.settings import resolve
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Resource
from academics_jupyter.registry.port import Query
from academics_jupyter.store.files import HeldFile

if TYPE_CHECKING:
    import pandas as pd


class Peer(OwnChats):
    """One profile in this process, and what a person can do with it. Made by `Peer.open`."""

    # Sharing

    async def share(
        self,
        path: str | Path,
        *,
        title: str | None = None,
        authors: str | tuple[str, ...] | None = None,
        abstract: str | None = None,
        keywords: str | tuple[str, ...] | None = None,
        license: str | None = None,  # noqa: A002  the name that people type
        doi: str | None = None,
        year: int | None = None,
        on_progress: Callable[[int], None] | None = None,
        only: Iterable[Path] | None = None,
    ) -> Resource:
        """Share a file, or a folder as one resource; what is not given is taken from the file itself.

        Of a folder, `only` are the files to share. What was changed and is shared again under the same name becomes a
        new version. Offline it waits in the outbox. Raises UnknownTargetError, UsageError or StoreError, and nothing is
        shared.
        """
        description = Description(
            title=title, authors=authors, abstract=abstract, keywords=keywords, license=license, doi=doi, year=year
        )
        _ = self._context
        shared = await self.sharing.share(Path(path), description, on_progress, only)
        self._note_if_offline(f"{shared.resource.file_name} is in your repository")
        self.notice = "\n".join(each for each in (shared.notice, self.notice) if each)
        return shared.resource

    async def describe(self, resource: str, **description: Any) -> Resource:
        """Change the description of a resource; the fields are those of `share`."""
        return await self.sharing.describe(await self.lookup.resource(resource), Description(**description))

    async def unshare(self, resource: str, *, delete: bool = False) -> None:
        """Offer a resource no more; with `delete`, remove the local copy too."""
        await self.sharing.unshare(await self.lookup.resource(resource), delete=delete)

    async def export_torrent(self, resource: str, to: str | Path | None = None) -> Path:
        """Write the BitTorrent v2 torrent of a resource that this profile holds; the torrent's path.

        `to` is its name or a folder, the working folder if not given. Works offline, and replaces no file. Raises
        UnknownTargetError, UsageError or StoreError.
        """
        context = self._context
        whole = await self.lookup.resource(resource, ask=False)
        return await asyncio.to_thread(export_torrent, context, whole, Path(to or ""))

    async def repository(self) -> pd.DataFrame:
        """What this profile holds."""
        return tables.resource_table(await self.holdings())

    async def holdings(self) -> list[Listing]:
        """What this profile holds, the latest first."""
        held = sorted(self._context.store.files.all(), key=lambda each: -each.added_at_ms)
        return [await self.exploring.listing(each.resource) or self._undescribed(each) for each in held]

    def _undescribed(self, held: HeldFile) -> Listing:
        online = (self.id,) if self.is_driver else ()
        return Listing(self.sharing.undescribed(held), (), self.exploring.name_of(self.id), (self.id,), online)

    # Exploring

    async def explore(
        self,
        query: str = "",
        *,
        available: bool = False,
        author: str = "",
        keyword: str = "",
        kind: str = "",
        limit: int = 50,
    ) -> pd.DataFrame:
        """Search the network: a row for each resource, best first. A row's number is an ID until the next call."""
        explored = await self.find(
            Query(
                words=tuple(query.split()), available=available, author=author, keyword=keyword, kind=kind, limit=limit
            )
        )
        self.notice = explored.notice
        self.lookup.rows = [listing.resource.id for listing in explored.listings]
        return tables.resource_table(explored.listings)

    async def find(self, query: Query) -> Explored:
        """What `explore` shows, as it is."""
        _ = self._context
        return await self.exploring.explore(query)

    async def files(self, resource: str) -> pd.DataFrame:
        """The files of a folder, from whoever holds it: a row for each with its path, length and id.

        Raises UsageError where it is no folder, and as `download`.
        """
        described = await self._described(resource)
        return tables.file_table(await self.trees.contents(described))

    async def versions(self, resource: str) -> pd.DataFrame:
        """What the sharer of a resource has made of it, newest first. Raises UnknownTargetError."""
        found = await self.exploring.versions(await self._described(resource))
        return tables.version_table(found, self.exploring.name_of)

    async def _described(self, resource: str) -> Resource:
        listing = await self.exploring.listing(await self.lookup.resource(resource))
        if listing is None:
            raise UnknownTargetError("Nobody describes that any more: %explore shows what there is.")
        return listing.resource

    async def people(self, query: str = "") -> pd.DataFrame:
        """Who works on what, online first."""
        _ = self._context
        return tables.people_table(await self.exploring.people(tuple(query.split())))

    def peers(self) -> pd.DataFrame:
        """The peers known, and the links with them."""
        return tables.peer_table(self._context.store.peers.all())

    async def cite(self, resources: list[str]) -> str:
        """BibTeX entries of resources."""
        entries = []
        for text in resources:
            listing = await self.exploring.listing(await self.lookup.resource(text))
            if listing is not None:
                entries.append(bibtex(listing.resource))
        return "\n".join(entries)

    # People

    async def block(self, peer: str, *, blocked: bool = True) -> None:
        """Take nothing more from a peer, or take it again."""
        whole = await self.lookup.peer(peer)
        await asyncio.to_thread(self._note_contact, whole)
        await asyncio.to_thread(self._context.store.peers.set_blocked, whole, blocked)

    async def verify(self, peer: str) -> str:
        """Confirm that a fingerprint, compared with its owner, is theirs; the whole fingerprint."""
        whole = await self.lookup.peer(peer)
        await asyncio.to_thread(self._note_contact, whole)
        await asyncio.to_thread(self._context.store.peers.set_verified, whole)
        return fingerprint(whole)

    # Watching

    async def diagnose(self) -> Diagnosis:
        """Test registry, clock, port, addresses, keys, disk and what else may be wrong, and say what to mend.

        Works unregistered and offline too, ends within some seconds, and raises nothing for what it finds.
        """
        return await examine(
            self.settings, self._opened, drives_here=self.is_driver, waiting=lambda: self.status().waiting
        )

    def events(self) -> EventStream:
        """What happens from now on, as frozen facts."""
        return self._context.events.events()

    async def flushed(self) -> None:
        """Wait until everything that was to go to the registry has gone there."""
        await self._context.flushed()

    def on_change(self, topics: frozenset[str], callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on the loop whenever one of the store's `topics` has changed; returns what ends that."""
        return self._context.changes.call_on(topics, callback)

    def known_names(self) -> list[str]:
        """The names of everybody known, without asking the network."""
        contacts = self._opened.store.peers.all() if self._opened else []
        return sorted({contact.name for contact in contacts if contact.name})

    def known_resources(self) -> list[str]:
        """The ids of what is known, the last exploration's rows first, without asking the network."""
        if self._opened is None:
            return []
        known = [signed.record.id for signed in self._opened.store.records.resources() if not signed.record.withdrawn]
        return list(dict.fromkeys([*self.lookup.rows, *known]))


@asynccontextmanager
async def open_peer(
    home: str | Path | None = None, profile: str | None = None, registry: str | None = None, **settings: Any
) -> AsyncIterator[Peer]:
    """A peer with no notebook, online if it is registered; it leaves when the context ends."""
    peer = await Peer.open(resolve({"home": home, "profile": profile, "registry": registry, **settings}))
    try:
        if peer.is_registered:
            await peer.start()
        yield peer
    finally:
        await peer.close()
