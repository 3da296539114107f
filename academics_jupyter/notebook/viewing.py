"""What of a downloaded file can be seen at a glance: text only, little of it, whatever is in the file.

Nothing is unpickled, run, extracted or rendered: a table is its first rows as they are written, a notebook the sources
of its cells, a PDF what a reader in a process with limits finds in it. Whoever draws a view takes every string of it as
text.
"""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import os
from pathlib import Path

import msgspec

from academics_jupyter.errors import AcademicsError, StoreError
from academics_jupyter.metadata.describing import describe
from academics_jupyter.notebook.opening import opened
from academics_jupyter.protocol.sizes import size_text

HEAD_BYTES = 256 << 10
MAX_NOTEBOOK_BYTES = 20 << 20
MAX_ROWS, MAX_COLUMNS, MAX_FIELD_CHARS = 20, 40, 200
MAX_TEXT_CHARS = 20_000
MAX_ENTRIES = 200
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f")


class View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file at a glance. `about` says in a line what is shown; the first of `rows` names the columns."""

    about: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    cells: tuple[tuple[str, str], ...] = ()
    """A notebook's cells: kind and source."""
    facts: tuple[tuple[str, str], ...] = ()
    """A paper's title, authors and abstract, each with what it is called."""
    is_folder: bool = False


async def view(path: Path, resource: str) -> View:
    """What can be seen of a downloaded file or folder. Raises StoreError where it is no longer there."""
    try:
        if await asyncio.to_thread(path.is_dir):
            return await asyncio.to_thread(_of_folder, path)
        if not await asyncio.to_thread(path.is_file):
            raise StoreError(f"{path.name} no longer lies at {path}: download it again.")
        if path.suffix.lower() == ".pdf":
            return await _of_pdf(path)
        return await asyncio.to_thread(_of_file, path, resource)
    except OSError as error:
        raise StoreError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _of_file(path: Path, resource: str) -> View:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size_bytes = os.fstat(file.fileno()).st_size
    suffix = path.suffix.lower()
    if suffix == ".ipynb" and size_bytes <= MAX_NOTEBOOK_BYTES:
        return _of_notebook(path)
    text = _text(head)
    if text is None:
        return View(
            about=f"{size_text(size_bytes)} that cannot be shown as text."
            f" In a cell, %fetch {resource[:12]} opens tables and gives the path of all else."
        )
    whole = size_bytes <= HEAD_BYTES
    if suffix in _DELIMITERS:
        return _of_table(text, _DELIMITERS[suffix], whole=whole)
    shown = text[:MAX_TEXT_CHARS]
    whole = whole and len(shown) == len(text)
    return View(about="" if whole else f"The beginning; all of it is {size_text(size_bytes)}.", text=shown)


def _text(head: bytes) -> str | None:
    """The head of a file as text; None where it is no text, for which its name is no proof."""
    if not _CONTROLS.isdisjoint(head):
        return None
    # The head may end within a character.
    for end in range(len(head), max(len(head) - 4, -1), -1):
        try:
            return head[:end].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    return None


def _of_table(text: str, delimiter: str, *, whole: bool) -> View:
    if not whole:
        # The last row may have been cut.
        text = text.rpartition("\n")[0] or text
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [
            tuple(field[:MAX_FIELD_CHARS] for field in line[:MAX_COLUMNS])
            for line in itertools.islice(lines, MAX_ROWS + 1)
        ]
        more = not whole or next(lines, None) is not None
    except csv.Error:
        return View(about="No table can be made of it; this is its beginning.", text=text[:MAX_TEXT_CHARS])
    if not rows:
        return View(about="It is empty.")
    count = len(rows) - 1
    about = f"The first {_counted(count, 'row')}." if more else f"{_counted(count, 'row')}."
    return View(about=about, rows=tuple(rows))


def _of_notebook(path: Path) -> View:
    try:
        cells = opened(path).cells
        sources = tuple((str(cell.cell_type), str(cell.source)) for cell in cells)
    except (AcademicsError, RecursionError, AttributeError):
        return View(about="It is called a notebook, but cannot be read as one.")
    shown, left = [], MAX_TEXT_CHARS
    for kind, source in sources:
        if left <= 0:
            break
        shown.append((kind, source[:left]))
        left -= len(source)
    beginning = ", of which these are the first" if len(shown) < len(sources) else ""
    about = f"{_counted(len(sources), 'cell')}{beginning}, without their output. Nothing was run."
    return View(about=about, cells=tuple(shown))


async def _of_pdf(path: Path) -> View:
    found = await describe(path)
    facts = (
        ("Title", found.title),
        ("Authors", ", ".join(map(str, found.authors))),
        ("Year", str(found.year or "")),
        ("DOI", found.doi),
        ("Abstract", found.abstract),
    )
    return View(about="What the PDF says of itself.", facts=tuple((name, text) for name, text in facts if text))


def _of_folder(path: Path) -> View:
    files = (each for each in path.rglob("*") if each.is_file())
    shown = sorted(itertools.islice(files, MAX_ENTRIES))
    rows = tuple((each.relative_to(path).as_posix(), size_text(each.stat().st_size)) for each in shown)
    more = next(files, None) is not None
    about = f"{MAX_ENTRIES} of its files." if more else f"{_counted(len(rows), 'file')}."
    return View(about=about, rows=(("File", "Size"), *rows), is_folder=True)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
