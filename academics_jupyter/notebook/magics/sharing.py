"""`%share`, `%describe`, `%unshare`, `%repository`."""

from __future__ import annotations

import asyncio
import glob
import tempfile
from argparse import Namespace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from academics_jupyter.errors import UnknownTargetError, UsageError
from academics_jupyter.notebook.magics.arguments import PeerMagics, parsed
from academics_jupyter.notebook.progress import progress_bar
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.taking import size_of
from academics_jupyter.protocol.records import Resource

if TYPE_CHECKING:
    import pandas as pd

MOST_FILES = 100
"""More that fit one pattern are shared as one folder: nobody looks through a list of so many resources."""

DESCRIBING = ("title", "authors", "abstract", "keywords", "license", "doi", "year")


class Wanted(NamedTuple):
    """A file or folder to be shared; of a folder, `only` those files if given."""

    path: Path
    only: tuple[Path, ...] | None = None


def _describing(magic: Any) -> Any:
    """The options that describe a resource."""
    magic = argument("--year", type=int, help="when it was published")(magic)
    magic = argument("--doi", help="its DOI")(magic)
    magic = argument("--license", help="what others may do with it, such as CC-BY-4.0")(magic)
    magic = argument("--keywords", metavar="A,B", help="separated by commas")(magic)
    magic = argument("--abstract", help="what it is about")(magic)
    magic = argument("--authors", metavar="A;B", help="separated by semicolons")(magic)
    return argument("--title", help="what it is called")(magic)


@magics_class
class SharingMagics(PeerMagics):
    """Offering files and taking the offer back."""

    @line_magic
    @magic_arguments()
    @argument(
        "targets", nargs="+", metavar="TARGET", help="a file, a folder, a pattern such as results/*.csv, or a variable"
    )
    @_describing
    def share(self, line: str) -> Resource | list[Resource]:
        """Share files, a folder as one resource, or a DataFrame or figure by its variable's name.

        What a file says of itself (title, authors, …) is taken from it and shown; the options say it otherwise. A file
        that was changed becomes a new version of what you shared under its name before.
        """
        given = parsed(self.share, line)
        with tempfile.TemporaryDirectory(prefix="academics-") as folder:
            wanted = [each for target in given.targets for each in self._wanted(target, Path(folder))]
            shared = self.ask(lambda peer: _share(peer, wanted, _description(given)))
        return shared[0] if len(shared) == 1 else shared

    @line_magic
    @magic_arguments()
    @argument("resource", metavar="ID", help="the start of its id, or its row in the last %%explore")
    @_describing
    def describe(self, line: str) -> Resource:
        """Change how a resource is described."""
        given = parsed(self.describe, line)
        description = _description(given)
        if not description:
            raise UsageError("%describe: say what to change, such as --title 'A better one'.")
        return self.ask(lambda peer: peer.describe(given.resource, **description))

    @line_magic
    @magic_arguments()
    @argument("resource", metavar="ID", help="the start of its id, or its row in the last %%explore")
    @argument("--delete", action="store_true", help="remove your copy too")
    def unshare(self, line: str) -> None:
        """Offer a resource no more. Who has downloaded it keeps it."""
        given = parsed(self.unshare, line)
        self.ask(lambda peer: peer.unshare(given.resource, delete=given.delete))

    @line_magic
    @magic_arguments()
    def repository(self, line: str) -> pd.DataFrame:
        """What this profile holds: what it shares and what it has downloaded."""
        parsed(self.repository, line)
        return self.ask(lambda peer: peer.repository())

    def _wanted(self, target: str, folder: Path) -> list[Wanted]:
        """What a target names; a variable's value is written to a file in `folder` first."""
        path = Path(target).expanduser()
        if path.exists():
            return [Wanted(path)]
        variables = self.shell.user_ns if self.shell else {}
        if target in variables:
            return [Wanted(_written(target, variables[target], folder))]
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207  may be absolute
        files = [each for each in found if each.is_file()]
        if not files:
            raise UnknownTargetError(f"There is no file {target!r} here: check its name and folder.")
        if len(files) > MOST_FILES:
            within = _folder_of(path)
            name = within.resolve().name
            print(f"{len(files):,} files are shared as one resource, the folder {name}.")  # noqa: T201
            return [Wanted(within, tuple(files))]
        return [Wanted(each) for each in files]


def _folder_of(pattern: Path) -> Path:
    """The folder that all files lie in which fit a pattern."""
    plain = takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    return Path(*plain)


async def _share(peer: Peer, wanted: list[Wanted], description: dict[str, Any]) -> list[Resource]:
    shared = []
    for each in wanted:
        size_bytes = await asyncio.to_thread(size_of, each.path, each.only)
        async with progress_bar(f"Sharing {each.path.resolve().name}", size_bytes) as progress:
            shared.append(await peer.share(each.path, on_progress=progress.set, only=each.only, **description))
    return shared


def _description(given: Namespace) -> dict[str, Any]:
    return {name: value for name in DESCRIBING if (value := getattr(given, name)) is not None}


def _written(name: str, value: Any, folder: Path) -> Path:
    """A variable's value as a file that others can open. Raises UsageError for what has no such form."""
    if hasattr(value, "to_csv"):
        path = folder / f"{name}.csv"
        value.to_csv(path, index=getattr(value.index, "name", None) is not None)
    elif hasattr(value, "savefig"):
        path = folder / f"{name}.png"
        value.savefig(path, dpi=200, bbox_inches="tight")
    else:
        raise UsageError(f"{name} is a {type(value).__name__}: a file, a DataFrame or a figure can be shared.")
    return path
