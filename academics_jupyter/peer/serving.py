"""What this profile can serve now: held files, held folders, and the files inside those, each by its own root."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict

from academics_jupyter.network.served import Served
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import one_file
from academics_jupyter.store.files import HeldFolder, Place
from academics_jupyter.store.folders import is_unchanged

KEPT_FOLDERS = 4
"""What is known of so many folders stays at hand: each of their ranges is looked up."""


class ServingService:
    """Looks resources up for others. Of a folder, only the files that are read are looked at, when they are opened."""

    def __init__(self, context: Context, sharing: SharingService) -> None:
        self._context, self._sharing = context, sharing
        self._folders: OrderedDict[str, tuple[int, Served]] = OrderedDict()
        self._looking = threading.Lock()

    async def find(self, resource: str) -> Served | None:
        """What can be served now. What is ours and gone or changed is found out here, and retired."""
        return await asyncio.to_thread(self._find, resource)

    async def gone(self, resource: str) -> None:
        """A file of the resource is not the one that was hashed: retire the resource."""
        await asyncio.to_thread(self._gone, resource)

    def _find(self, resource: str) -> Served | None:
        served = self._folder(resource) or self._file(resource) or self._file_inside(resource)
        if served is None:
            self._sharing.lost(resource)
        return served

    def _file(self, resource: str) -> Served | None:
        repository = self._context.repository
        held = self._context.store.files.get(resource)
        if held is None or held.is_folder:
            return None
        if not repository.still_held(held):
            self._sharing.lost(resource)
            return None
        contents = one_file(resource, held.size_bytes)
        return Served(contents, [repository.path_of(held)], [held.mtime_ns], held.pieces)

    def _folder(self, resource: str) -> Served | None:
        added_at_ms = self._context.store.files.added_at_ms(resource)
        if added_at_ms is None:
            return None
        with self._looking:
            known = self._folders.get(resource)
            if known is None or known[0] != added_at_ms:
                held = self._context.store.files.folder(resource)
                if held is None:
                    return None
                known = self._folders[resource] = (added_at_ms, self._served(held))
            self._folders.move_to_end(resource)
            while len(self._folders) > KEPT_FOLDERS:
                self._folders.popitem(last=False)
        return known[1]

    def _served(self, held: HeldFolder) -> Served:
        folder = self._context.repository.path_of(held)
        return Served(
            contents=file_tree.decode(held.tree),
            paths=[f"{folder}/{file.path}" for file in held.files],
            mtimes_ns=[file.mtime_ns for file in held.files],
            pieces=held.pieces,
            tree=held.tree,
        )

    def _file_inside(self, root: str) -> Served | None:
        for place in self._context.store.files.inside(root):
            folder = self._folder(place.folder)
            if folder is None:
                continue
            if not _is_there(folder, place):
                self._sharing.lost(place.folder)
                continue
            contents = one_file(root, folder.contents.files[place.place].size_bytes)
            pieces = folder.contents.hashes_of(place.place, folder.pieces)
            return Served(contents, [folder.paths[place.place]], [folder.mtimes_ns[place.place]], pieces)
        return None

    def _gone(self, resource: str) -> None:
        """The file may be held by itself, or be one of a folder, which is then no longer what it was either."""
        self._sharing.lost(resource)
        for place in self._context.store.files.inside(resource):
            folder = self._folder(place.folder)
            if folder is not None and not _is_there(folder, place):
                self._sharing.lost(place.folder)


def _is_there(folder: Served, place: Place) -> bool:
    size_bytes = folder.contents.files[place.place].size_bytes
    return is_unchanged(folder.paths[place.place], size_bytes, folder.mtimes_ns[place.place])
