"""What the TypeScript of the side panel owes its reader and its users: its types hold, its version is the project's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from academics_jupyter import __version__
from academics_jupyter.notebook.side_panel.build import NOT_SOURCES, SOURCES, run_npm

MAX_LINES = 250
TIMEOUT_S = 500

pytestmark = pytest.mark.timeout(TIMEOUT_S)


def test_the_types_hold(tmp_path: Path) -> None:
    """With TypeScript and the types of JupyterLab, which a build does not need."""
    place = tmp_path / SOURCES.name
    shutil.copytree(SOURCES, place, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    run_npm("ci", "--no-progress", place=place)
    run_npm("run", "check", place=place)


def test_it_has_the_version_of_the_project() -> None:
    for name in ("package.json", "package-lock.json"):
        assert json.loads((SOURCES / name).read_text(encoding="utf-8"))["version"] == __version__


@pytest.mark.parametrize("path", sorted(SOURCES.glob("src/*.ts")), ids=lambda path: path.name)
def test_a_module_says_what_lives_in_it_and_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("// ")
    assert len(lines) <= MAX_LINES
