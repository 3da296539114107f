"""What every file owes its reader: nothing left undone, a sentence on top, a length that can be read at a sitting."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "academics_jupyter"
MAX_LINES = 320
UNDONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
TEXTS = {".py", ".js", ".mjs", ".ts", ".css", ".md", ".toml", ".ipynb", ".json", ".run"}
GENERATED = {"package-lock.json"}
OURS = ("academics_jupyter", "tests", "notebooks", "docs", "binder", ".ci")
NOT_OURS = {"node_modules", "__pycache__", ".ipynb_checkpoints", "screenshots"}


def texts() -> list[Path]:
    """Every text that people write here."""
    below = [path for folder in OURS for path in (ROOT / folder).rglob("*") if not NOT_OURS.intersection(path.parts)]
    found = [path for path in (*ROOT.iterdir(), *below) if path.is_file()]
    return sorted(path for path in found if (path.suffix in TEXTS or not path.suffix) and path.name not in GENERATED)


def modules() -> list[Path]:
    """Every module of the package."""
    return [ROOT / "academics.py", *sorted(PACKAGE.rglob("*.py"))]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_nothing_is_left_undone() -> None:
    left = [
        f"{named(path)}:{number}: {line.strip()[:100]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNDONE.search(line)
    ]
    assert not left, "\n".join(left)


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_says_what_lives_in_it(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "it has no docstring"


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_is_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"it has {lines} lines, so it holds two things: part them"
