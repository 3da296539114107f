"""The file trees of folders: which files a folder has, from the store, else from whoever holds it.

Wanting one is a row, which any kernel of the profile can write; the driver fetches it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from academics_jupyter.errors import (
    AcademicsError,
    NetworkError,
    NoHolderError,
    NotStartedError,
    NotVerifiedError,
    PeerRefusedError,
    PeerUnreachableError,
    ProtocolError,
    TransferError,
    UnknownTargetError,
    UsageError,
)
from academics_jupyter.network.link import Link
from academics_jupyter.network.link_reader import LinkReader
from academics_jupyter.network.mesh import Mesh
from academics_jupyter.network.range_client import RangeReader
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import Contents, File
from academics_jupyter.protocol.records import Presence, Resource
from academics_jupyter.protocol.wire import Ask, Token

LOOK_INTERVAL_S = 4.0
LOOK_S = 0.5
PATIENCE_S = 10.0
"""For how long a holder may send nothing."""

log = logging.getLogger(__name__)


class TreeService:
    """Asking for trees; no link needed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def tree(self, resource: str) -> bytes:
        """The bytes of a folder's file tree, verified.

        Raises NotStartedError where it is not here and no process runs the peer, TransferError where nobody who is
        online gives it, or it is not a tree that can be used.
        """
        store = self._context.store
        held = await asyncio.to_thread(store.files.folder, resource)
        if held is not None:
            return held.tree
        with self._context.changes.watched("trees") as changed:
            wished = await asyncio.to_thread(store.trees.wish, resource)
            while not wished.tree:
                if wished.error:
                    raise TransferError(wished.error)
                await either(changed, timeout_s=LOOK_INTERVAL_S)
                changed.clear()
                known = await asyncio.to_thread(store.trees.get, resource)
                wished = known or wished
                if not wished.tree and not wished.error and not await self._is_driven():
                    raise NotStartedError("Your peer is offline, and the folder is not here: %academics start.")
        return wished.tree

    async def contents(self, folder: Resource) -> Contents:
        """The files of a folder that is described. Raises UsageError where it is a file, and as `tree`."""
        if not folder.files:
            raise UsageError(f"{folder.file_name} is one file, and not a folder with files to choose from.")
        return await asyncio.to_thread(file_tree.decode, await self.tree(folder.id))

    async def file(self, folder: Resource, path: str) -> File:
        """The file with that path in a folder. Raises UnknownTargetError where there is none, and as `contents`."""
        wanted = tuple(path.strip("/").split("/"))
        for file in (await self.contents(folder)).files:
            if file.path == wanted:
                return file
        raise UnknownTargetError(
            f"{folder.file_name} has no file {path!r}: await academics.current().files(ID) lists those it has."
        )

    async def _is_driven(self) -> bool:
        return self._context.driving or await asyncio.to_thread(self._context.folder.driver) is not None


class TreeFetcher:
    """Fetches the trees that are wished for; runs at the driver."""

    def __init__(self, context: Context, mesh: Mesh, exploring: ExploringService, *, loopback: bool) -> None:
        self._context, self._mesh, self._exploring, self._loopback = context, mesh, exploring, loopback
        self._fetching: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """For ever."""
        with self._context.changes.watched("trees") as changed:
            try:
                while True:
                    changed.clear()
                    for resource in await asyncio.to_thread(self._context.store.trees.wished):
                        if resource not in self._fetching:
                            self._begin(resource)
                    await changed.wait()
            finally:
                tasks = list(self._fetching.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, resource: str) -> None:
        task = asyncio.create_task(self._carry_out(resource), name=f"academics-tree-{resource[:12]}")
        self._fetching[resource] = task
        task.add_done_callback(partial(self._ended, resource))

    def _ended(self, resource: str, _task: asyncio.Task[None]) -> None:
        self._fetching.pop(resource, None)

    async def _carry_out(self, resource: str) -> None:
        trees = self._context.store.trees
        try:
            tree = await self._fetched(resource)
        except AcademicsError as error:
            await asyncio.to_thread(trees.fail, resource, str(error))
        except Exception:
            log.exception("fetching a file tree ended in a fault of this program")
            await asyncio.to_thread(trees.fail, resource, "A fault in this program; the log says more.")
        else:
            await asyncio.to_thread(trees.put, resource, tree)

    async def _fetched(self, resource: str) -> bytes:
        """The tree, from the first holder that gives it. Raises TransferError."""
        failed: AcademicsError | None = None
        for presence in await self._online_holders(resource):
            try:
                tree = await self._from(presence, resource)
                if file_tree.name_tree(tree).root != resource:
                    raise NotVerifiedError(f"{presence.name} sent a list of files that is not the folder's.")
            except (NetworkError, ProtocolError, NotVerifiedError) as error:
                log.info("fetching a file tree from %s: %s", presence.name, error)
                failed = error
                continue
            _check(tree)
            return tree
        if failed is None:
            raise NoHolderError("Nobody who holds the folder is online now: try again later.")
        raise TransferError(f"{failed} Try again later.") from failed

    async def _online_holders(self, resource: str) -> list[Presence]:
        online = await self._exploring.online()
        listing = await self._exploring.listing(resource)
        holders = listing.holders if listing else ()
        there = [online[peer] for peer in holders if peer in online and peer != self._context.me]
        return sorted(there, key=lambda presence: presence.busy)

    async def _from(self, presence: Presence, resource: str) -> bytes:
        link = await self._mesh.dial(presence)
        token = await link.call("token", Ask(resource=resource), Token, PATIENCE_S)
        if not token.tree_bytes:
            raise PeerRefusedError(f"{presence.name} does not hold that as a folder.", "malformed")
        try:
            return await self._over_https(presence, resource, token)
        except PeerUnreachableError as error:
            log.info("asking %s over the link: %s", presence.name, error)
            return await self._over_link(link, resource, token)

    async def _over_https(self, presence: Presence, resource: str, token: Token) -> bytes:
        limiter = self._context.download_limiter
        reader = RangeReader(presence, resource, token.token, limiter, loopback=self._loopback)
        fetching = asyncio.ensure_future(asyncio.to_thread(_whole, reader, token.tree_bytes))
        try:
            while not fetching.done():
                await asyncio.wait([fetching], timeout=LOOK_S)
                if reader.silent_s > PATIENCE_S:
                    reader.interrupt()
        except asyncio.CancelledError:
            reader.interrupt()
            await asyncio.wait([fetching])
            raise
        return fetching.result()

    async def _over_link(self, link: Link, resource: str, token: Token) -> bytes:
        reader = LinkReader(link, resource, self._context.download_limiter, patience_s=PATIENCE_S)
        return await reader.whole("tree", token.tree_bytes)


def _whole(reader: RangeReader, length: int) -> bytes:
    with reader:
        return reader.whole("tree", length)


def _check(tree: bytes) -> None:
    """Raises TransferError for what no holder can mend: the folder was shared with such a tree."""
    try:
        file_tree.decode(tree)
    except ProtocolError as error:
        raise TransferError(f"The folder cannot be downloaded, whoever holds it: {error}.") from error
