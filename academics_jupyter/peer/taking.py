"""Taking what a person shares into the repository, a file or a folder, and finding out what it says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from academics_jupyter.errors import UnknownTargetError, UsageError
from academics_jupyter.metadata.describing import Metadata, describe, describe_folder
from academics_jupyter.peer.context import Context
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.folders import take_in_folder
from academics_jupyter.store.repository import identify
from academics_jupyter.store.surveying import survey

Progress = Callable[[int], None]
"""Told how many bytes are done so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What now lies in the repository: what it is called, what it says of itself, and the row that says so.

    `files` is how many files a folder has, 0 for a file; `left_out` how many things in it are not shared.
    """

    name: str
    id: str
    sha256: str
    size_bytes: int
    found: Metadata
    held: Callable[[int], HeldFile]
    files: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look at a file or folder has shown, with nothing taken in; as in Taken.

    `id` is known only where something as large is held already, which may be the same.
    """

    path: Path
    size_bytes: int
    found: Metadata
    id: str = ""
    files: int = 0
    left_out: int = 0


async def look_at(context: Context, source: Path, on_progress: Progress | None = None) -> Seen:
    """See what a file or folder is and says of itself. Raises UnknownTargetError or UsageError."""
    source = _existing(source)
    if source.is_dir():
        _check_folder(context, source)
        surveyed = await asyncio.to_thread(survey, source)
        return Seen(
            path=source,
            size_bytes=surveyed.size_bytes,
            found=describe_folder(source.name),
            files=len(surveyed.files),
            left_out=surveyed.left_out,
        )
    _check_file(context, source)
    if not source.is_file():
        raise UsageError(f"{source} cannot be shared: it is neither a file nor a folder.")
    root, found = await asyncio.gather(asyncio.to_thread(_known_root, context, source, on_progress), describe(source))
    return Seen(path=source, size_bytes=source.stat().st_size, found=found, id=root)


async def take_in(
    context: Context,
    source: Path,
    on_progress: Progress | None = None,
    only: Iterable[Path] | None = None,
    said: Metadata | None = None,
) -> Taken:
    """Take a file or folder in; of a folder, `only` those files if given. Where it is `said`, it is not described.

    Raises UnknownTargetError, UsageError or StoreError; nothing is kept then.
    """
    chosen = _within(source, only)
    source = _existing(source)
    if source.is_dir():
        _check_folder(context, source)
        return await asyncio.to_thread(_take_folder, context, source, on_progress, chosen, said)
    _check_file(context, source)
    repository, files = context.repository, context.store.files
    taken, found = await asyncio.gather(
        asyncio.to_thread(repository.take_in, source, source.name, on_progress, files.get), _found(source, said)
    )
    return Taken(
        name=source.name,
        id=taken.hashes.root,
        sha256=taken.hashes.sha256,
        size_bytes=taken.hashes.size_bytes,
        found=found,
        held=taken.held,
    )


def size_of(source: Path, only: Iterable[Path] | None = None) -> int:
    """How many bytes `take_in` will take in, for showing how far it is. Raises as `take_in`."""
    chosen = _within(source, only)
    source = _existing(source)
    return survey(source, chosen).size_bytes if source.is_dir() else source.stat().st_size


async def _found(source: Path, said: Metadata | None) -> Metadata:
    return await describe(source) if said is None else said


def _known_root(context: Context, source: Path, on_progress: Progress | None) -> str:
    """The id of a file, where one as large is held, which may be the same; else nothing is read."""
    size_bytes = source.stat().st_size
    if not any(held.size_bytes == size_bytes and not held.is_folder for held in context.store.files.all()):
        return ""
    return identify(source, on_progress)


def _take_folder(
    context: Context,
    source: Path,
    on_progress: Progress | None,
    only: Iterable[Path] | None,
    said: Metadata | None,
) -> Taken:
    surveyed = survey(source, only)
    taken = take_in_folder(context.repository, surveyed, source.name, on_progress, context.store.files.folder)
    return Taken(
        name=source.name,
        id=taken.id,
        sha256=taken.sha256,
        size_bytes=taken.contents.size_bytes,
        found=said or describe_folder(source.name),
        held=taken.held,
        files=len(taken.contents.files),
        left_out=surveyed.left_out,
    )


def _existing(source: Path) -> Path:
    source = source.expanduser()
    try:
        source = source.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise UnknownTargetError(f"There is no file {str(source)!r} here: check its name and folder.") from error
    return source


def _within(source: Path, only: Iterable[Path] | None) -> list[Path] | None:
    """The paths of those files in the folder. Raises UsageError for one that is not in it."""
    above = source.expanduser().absolute()
    try:
        return None if only is None else [path.expanduser().absolute().relative_to(above) for path in only]
    except ValueError as error:
        raise UsageError(f"A file that was chosen does not lie in {source}.") from error


def _check_file(context: Context, source: Path) -> None:
    """The profile's own files must not be shared, its keys above all. Raises UsageError."""
    folder = context.folder
    profiles = folder.path.parent.resolve()
    open_ones = (folder.repository.resolve(), folder.parts.resolve())
    if source.is_relative_to(profiles) and not any(source.is_relative_to(each) for each in open_ones):
        raise UsageError(f"{source.name} is a part of your profile, with its keys: it cannot be shared.")


def _check_folder(context: Context, source: Path) -> None:
    """The profile's keys must not be shared with a folder that they lie in. Raises UsageError."""
    home, repository = context.folder.home.resolve(), context.folder.repository.resolve()
    if home.is_relative_to(source) or (source.is_relative_to(home) and not source.is_relative_to(repository)):
        raise UsageError(f"{source} holds your profile, with its keys: share the folders beside it.")
