"""Where on the disk the resources lie that this profile holds: files, folders, and the files inside those. Blocking."""

from __future__ import annotations

from pathlib import Path

from academics_jupyter.peer.context import Context
from academics_jupyter.protocol import file_tree
from academics_jupyter.store.files import Place
from academics_jupyter.store.folders import copy_folder_out, is_unchanged, is_whole


def held_path(context: Context, resource: str) -> Path | None:
    """Where a resource lies, whole and unchanged; None if it is not held so. Looks at every file of a folder."""
    files, repository = context.store.files, context.repository
    held = files.get(resource)
    if held is not None and held.is_folder:
        folder = files.folder(resource)
        return repository.path_of(held) if folder and is_whole(repository, folder) else None
    if held is not None and repository.still_held(held):
        return repository.path_of(held)
    there = (_path_inside(context, place) for place in files.inside(resource))
    return next((path for path in there if path is not None), None)


def copy_out(context: Context, resource: str, path: Path, folder: Path, name: str) -> Path:
    """Copy a held resource that lies at `path` to where the person asked for it; the copy's path. Raises StoreError."""
    held = context.store.files.folder(resource)
    if held is not None:
        return copy_folder_out(context.repository, held, folder, name)
    return context.repository.copy_out(path, folder, name)


def _path_inside(context: Context, place: Place) -> Path | None:
    folder = context.store.files.folder(place.folder)
    if folder is None:
        return None
    file = folder.files[place.place]
    path = context.repository.path_of(folder) / file.path
    size_bytes = file_tree.decode(folder.tree).files[place.place].size_bytes
    return path if is_unchanged(path, size_bytes, file.mtime_ns) else None
