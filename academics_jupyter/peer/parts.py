"""What a download is gathered in: the part of a file, or of a folder once its list of files is here."""

from __future__ import annotations

import asyncio

from academics_jupyter.errors import TransferError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.transfer import Part
from academics_jupyter.peer.trees import TreeService
from academics_jupyter.store.downloads import Download
from academics_jupyter.store.folder_parts import FolderPart
from academics_jupyter.store.parts import FilePart


async def part_for(context: Context, trees: TreeService, row: Download) -> Part:
    """The part, not opened yet. Raises TransferError where a folder's list of files cannot be had."""
    described = await asyncio.to_thread(context.store.records.resources, row.resource)
    kinds = {signed.record.files > 0 for signed in described}
    if True not in kinds:
        return FilePart(context.repository, row.resource, row.size_bytes)
    try:
        tree = await trees.tree(row.resource)
    except TransferError:
        # Anyone may say of a file that it is a folder: it is one only if all say so.
        if False in kinds:
            return FilePart(context.repository, row.resource, row.size_bytes)
        raise
    part = await asyncio.to_thread(FolderPart, context.repository, row.resource, tree)
    if part.contents.size_bytes != row.size_bytes:
        raise TransferError(f"{row.name} is not as large as its description says: who shared it must mend that.")
    return part
