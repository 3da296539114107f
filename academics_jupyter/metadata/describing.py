"""Describes a file that is about to be shared: kind, media type and what it tells of itself."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from academics_jupyter.metadata.findings import Findings
from academics_jupyter.metadata.kinds import BINARY, FOLDER, HEAD_BYTES, kind_and_media_type
from academics_jupyter.metadata.pdf_process import read_pdf
from academics_jupyter.metadata.text_files import of_markdown, of_notebook, of_plain_text, of_tex
from academics_jupyter.metadata.titles import printed_title, title_from_name
from academics_jupyter.protocol.records import Author

MAX_TEXT_BYTES = 256 * 1024
MAX_NOTEBOOK_BYTES = 64 * 1024 * 1024
PDF_TIMEOUT_S = 20.0

_OF_TEXT = {"text/markdown": of_markdown, "text/x-tex": of_tex, "text/plain": of_plain_text}


@dataclass(frozen=True, slots=True)
class Metadata:
    """How a file would be described in a resource's record; only title, kind and media type are never empty."""

    title: str
    kind: str
    media_type: str
    authors: tuple[Author, ...] = ()
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    doi: str = ""
    year: int | None = None
    license: str = ""


async def describe(path: Path, *, name: str = "", timeout_s: float = PDF_TIMEOUT_S) -> Metadata:
    """What is found in the file at `path`, within the limits of a record; a PDF is read for `timeout_s` at most.

    `name` is what the file is called, where that is not the name it lies under. Never raises for what the file holds
    or is: where nothing is found, the title comes from its name.
    """
    name = name or path.name
    with ExitStack() as opened:
        file = await asyncio.to_thread(_open, path)
        if file is None:
            return _metadata(name, BINARY, Findings())
        opened.callback(os.close, file)
        types = kind_and_media_type(name, await asyncio.to_thread(_start_of, file, HEAD_BYTES))
        if types[1] == "application/pdf":
            found = await read_pdf(file, name, timeout_s)
        else:
            found = await asyncio.to_thread(_of_text, file, types[1])
        return _metadata(name, types, found)


def describe_folder(name: str) -> Metadata:
    """How a folder of that name would be described: its files may be of any kind, and none speaks for the others."""
    return _metadata(name, FOLDER, Findings())


def _open(path: Path) -> int | None:
    """A descriptor of a regular file; nothing for what cannot be read or, as a pipe or device, would hold us up."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _start_of(file: int, size_bytes: int) -> bytes:
    """The first bytes of a file, which stands at its start again for whoever reads it next."""
    try:
        return os.read(file, size_bytes)
    except OSError:
        return b""
    finally:
        os.lseek(file, 0, os.SEEK_SET)


def _of_text(file: int, media_type: str) -> Findings:
    if media_type == "application/x-ipynb+json":
        return of_notebook(_start_of(file, MAX_NOTEBOOK_BYTES)).bounded()
    read = _OF_TEXT.get(media_type)
    return read(_start_of(file, MAX_TEXT_BYTES).decode(errors="replace")).bounded() if read else Findings()


def _metadata(name: str, types: tuple[str, str], found: Findings) -> Metadata:
    return Metadata(
        title=printed_title(found.title) or title_from_name(name),
        kind=types[0],
        media_type=types[1],
        authors=found.authors,
        abstract=found.abstract,
        keywords=found.keywords,
        doi=found.doi,
        year=found.year,
        license=found.license,
    )
