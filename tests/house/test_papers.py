"""What the papers say of the program is true: every magic and setting is there, and every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from academics_jupyter.notebook.configuration import Academics
from academics_jupyter.notebook.extension import MAGICS
from academics_jupyter.peer.settings import ENVIRONMENT

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ELSEWHERE = re.compile(r"[a-z]+:|#")


def section(title: str) -> str:
    """A section of the README, without its title."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_readme_names_every_magic() -> None:
    named = set(re.findall(r"`%+(\w+)", section("Magics"))) - {"name"}
    assert named == {name for magics in MAGICS for kind in magics.magics.values() for name in kind}


def test_the_readme_names_every_setting() -> None:
    rows = re.findall(r"^\|(?: `(\w+)`)? \|(?: `(\w+)`)? \|", section("Settings"), re.MULTILINE)
    variables = {name: variable for variable, name in rows if name} | {"passphrase": "ACADEMICS_PASSPHRASE"}
    assert variables == {
        name: ENVIRONMENT.get(name, "") for name in (*Academics.class_traits(config=True), *ENVIRONMENT)
    }


def test_the_readme_names_the_versions_of_python() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    supported = [found[1] for each in classifiers if (found := re.search(r"Python :: (3\.\d+)$", each))]
    assert f"Python {', '.join(supported[:-1])} or {supported[-1]}" in README


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(paper: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", paper.read_text(encoding="utf-8"))
    broken = [
        target
        for target in targets
        if not ELSEWHERE.match(target) and not (paper.parent / target.partition("#")[0]).exists()
    ]
    assert not broken
