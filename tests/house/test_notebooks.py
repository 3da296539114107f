"""The notebooks are tutorials, and Binder opens one: each has a beginning, no error, and a place in the README."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nbformat
import pytest

from tests.e2e.pictures import PICTURES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BINDER = ROOT / "binder"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEMO = "notebooks/05-a-small-lab.ipynb"
LINK = re.compile(r"\]\(([^)\s#]+)[^)\s]*\)")
MAX_PICTURE_BYTES = 150_000
MAX_LINE = 120
OF_A_MACHINE = re.compile(r"/(tmp|home|root|Users)/|site-packages")
OF_A_RUN = {"execution", "widgets", "collapsed", "scrolled", "editable", "slideshow"}


def named(path: Path) -> str:
    return path.name


@pytest.fixture(params=NOTEBOOKS, ids=named)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def markdown(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_there_is_one_for_each_noun() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{number:02}" for number in range(1, len(NOTEBOOKS) + 1)]
    assert {"sharing", "exploring", "chat", "rooms", "lab"} <= {word for path in NOTEBOOKS for word in words(path)}


def words(path: Path) -> list[str]:
    return path.stem.split("-")


def test_it_begins_with_a_title_and_a_paragraph(notebook: nbformat.NotebookNode) -> None:
    title, _, paragraph = notebook.cells[0].source.partition("\n\n")
    assert re.fullmatch(r"# \S.*", title)
    assert len(paragraph.split()) > 10
    assert markdown(notebook).count("\n# ") == 0, "there is one title"


def test_it_has_run_without_an_error(notebook: nbformat.NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run it all, in order, and save it"
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_it_keeps_nothing_of_the_machine_that_it_ran_on(notebook: nbformat.NotebookNode) -> None:
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert not OF_A_RUN & set(cell.metadata)
        for output in cell.get("outputs", []):
            assert not OF_A_MACHINE.search(output.get("text", "") + output.get("data", {}).get("text/plain", ""))
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})


def test_what_is_compared_was_put_out(notebook: nbformat.NotebookNode) -> None:
    compared = [cell for cell in notebook.cells if "nbval-check-output" in cell.metadata.get("tags", [])]
    assert compared
    assert all(cell.outputs for cell in compared)


def test_its_code_can_be_read_without_scrolling(notebook: nbformat.NotebookNode) -> None:
    assert all(cell.source.strip() for cell in notebook.cells), "a cell is empty"
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert not [line for source in code for line in source.splitlines() if len(line) > MAX_LINE]


def test_its_links_lead_somewhere(notebook: nbformat.NotebookNode) -> None:
    targets = [target for target in LINK.findall(markdown(notebook)) if ":" not in target]
    assert not [target for target in targets if not (ROOT / "notebooks" / target).exists()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_the_readme_names_it(path: Path) -> None:
    assert f"(notebooks/{path.name})" in README


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_and_small(name: str) -> None:
    assert 0 < (ROOT / "docs" / "pictures" / f"{name}.png").stat().st_size <= MAX_PICTURE_BYTES


def test_binder_installs_this_project_and_what_the_notebooks_need() -> None:
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [".[lab]"]
    brought = {re.split(r"[^A-Za-z0-9-]", each)[0] for each in PROJECT["optional-dependencies"]["lab"]}
    assert {"jupyterlab", "matplotlib"} <= brought


def test_binder_has_a_python_that_the_project_runs_on() -> None:
    version = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_binder_tries_the_demo_that_it_opens() -> None:
    tried = BINDER / "postBuild"
    assert tried.stat().st_mode & 0o111, "repo2docker runs it"
    assert DEMO in tried.read_text(encoding="utf-8")
    assert (ROOT / DEMO).exists()
    assert f"urlpath=lab/tree/{DEMO}" in README
