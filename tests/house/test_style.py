"""The tools that watch over style, types and layers, each as one test, so that one command runs everything."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 500

pytestmark = pytest.mark.timeout(TIMEOUT_S + 20)


def passes(*command: str) -> None:
    """Run a tool on the whole project; what it says is shown where it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"


def test_ruff_finds_nothing() -> None:
    passes(sys.executable, "-m", "ruff", "check", ".")


def test_the_code_is_formatted() -> None:
    passes(sys.executable, "-m", "ruff", "format", "--check", "--diff", ".")


def test_the_types_hold() -> None:
    passes(sys.executable, "-m", "mypy")


def test_imports_point_down_only() -> None:
    passes(str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-cache")
