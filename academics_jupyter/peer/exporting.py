"""Exporting: what this profile holds, written for programs of other networks. Needs the store alone, and no link."""

from __future__ import annotations

from pathlib import Path

from academics_jupyter.errors import UsageError
from academics_jupyter.peer.context import Context
from academics_jupyter.protocol import file_tree
from academics_jupyter.protocol.contents import Contents, File, one_file
from academics_jupyter.protocol.names import safe_file_name
from academics_jupyter.protocol.torrent import metainfo
from academics_jupyter.store.durable import disk_errors, write_new
from academics_jupyter.store.files import HeldFile, HeldFolder
from academics_jupyter.store.folders import is_whole


def export_torrent(context: Context, resource: str, to: Path) -> Path:
    """Write the torrent of a held resource to `to`, or under its name into the folder `to`; the torrent's path.

    It names the files as the repository does, so that a client told to look there finds them whole. Raises UsageError
    or StoreError, and nothing is written.
    """
    held = context.store.files.folder(resource) or context.store.files.get(resource)
    if held is None:
        raise UsageError(f"{resource[:12]}… is not in your repository: download it first.")
    path = context.repository.path_of(held)
    if not _is_there(context, held):
        raise UsageError(f"{path} was changed or is gone, so nobody could be sent it: share or download it again.")
    content = metainfo(path.name, _contents(held), held.pieces)
    target = to.expanduser().absolute()
    if target.is_dir():
        target /= safe_file_name(f"{path.name}.torrent")
    with disk_errors(f"{target} cannot be written"):
        try:
            write_new(target, content)
        except FileExistsError as error:
            raise UsageError(f"{target} is there already and was not overwritten: give another name.") from error
    return target


def _is_there(context: Context, held: HeldFile) -> bool:
    if isinstance(held, HeldFolder):
        return is_whole(context.repository, held)
    return context.repository.still_held(held)


def _contents(held: HeldFile) -> Contents:
    if not isinstance(held, HeldFolder):
        return one_file(held.resource, held.size_bytes)
    sizes = [file.size_bytes for file in file_tree.decode(held.tree).files]
    return Contents(
        [
            File(tuple(file.path.split("/")), file.root, size_bytes)
            for file, size_bytes in zip(held.files, sizes, strict=True)
        ]
    )
