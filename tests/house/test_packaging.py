"""What people install: an sdist and a wheel, built as an installer builds them, with everything in them and no more."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from academics_jupyter import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "academics_jupyter"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SIDE_PANEL = PACKAGE / "notebook" / "side_panel"
EXTENSION = "academics-jupyter"
SUFFIXES = {".py", ".js", ".css", ".typed"}
BESIDES = ("tests/", "notebooks/", "docs/", "binder/", ".ci/", "build/labextension")
ON_TOP = {"academics.py", "conftest.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
BY_THE_BUILD = {"PKG-INFO", ".gitignore"}
TIMEOUT_S = 280
# With what is installed here: that an environment of its own is enough, the editable install of `.ci/run` has shown.
BUILD = (sys.executable, "-m", "build", "--no-isolation")

pytestmark = pytest.mark.timeout(2 * TIMEOUT_S + 20)


def done(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """What a command printed; where it fails, the test does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    ran = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(map(str, command))}\n{ran.stdout}"
    return ran.stdout


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def files(folder: Path) -> set[str]:
    """The files of a folder of the tree, from its root on."""
    found = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return {path.relative_to(ROOT).as_posix() for path in found}


def sources() -> set[str]:
    """The files of the package and the module beside it, as a wheel names them."""
    return {"academics.py", *files(PACKAGE)} - files(SIDE_PANEL)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sdist, and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("built")
    done(*BUILD, "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return only(built, "*.whl")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, installed to a folder of their own."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install")
    done(*pip, "--no-deps", "--no-index", "--target", folder, wheel, cwd=folder)
    return folder


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in contents(wheel) if ".dist-info/" not in name and ".data/" not in name}
    assert inside == sources()
    assert {Path(name).suffix for name in inside} <= SUFFIXES
    assert {"academics_jupyter/py.typed", "academics_jupyter/notebook/panels/static/panel.css"} <= inside
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents(wheel))


def test_the_wheel_has_the_side_panel_built(wheel: Path) -> None:
    place = f"share/jupyter/labextensions/{EXTENSION}/"
    inside = {name.partition(place)[2]: data for name, data in contents(wheel).items() if ".data/data/" in name}
    described = json.loads(inside["package.json"])
    assert {"install.json", f"schemas/{EXTENSION}/plugin.json", described["jupyterlab"]["_build"]["load"]} <= set(
        inside
    )
    assert {Path(name).suffix for name in inside} <= {".js", ".json", ".orig"}
    assert (described["name"], described["version"]) == (EXTENSION, __version__)
    assert "side_panel_entry" in b"".join(inside.values()).decode()


def test_the_side_panel_is_installed_here() -> None:
    """As `.ci/run` does it: an editable install of a clone, on a machine with no Node."""
    told = done(sys.executable, "-m", "jupyterlab.labextensions", "list", cwd=ROOT)
    assert re.search(rf"{EXTENSION} v{re.escape(__version__)} .*enabled.*OK.*\(python, {EXTENSION}\)", told)


def test_the_side_panel_names_no_host_of_packages() -> None:
    lock = json.loads((SIDE_PANEL / "package-lock.json").read_text(encoding="utf-8"))
    assert all("resolved" not in package for package in lock["packages"].values())
    assert "omit-lockfile-registry-resolved=true" in (SIDE_PANEL / ".npmrc").read_text(encoding="utf-8")


def test_a_wheel_from_the_tree_is_the_one_from_the_sdist(wheel: Path, tmp_path: Path) -> None:
    done(*BUILD, "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    assert contents(only(tmp_path, "*.whl")) == contents(wheel)


def test_the_sdist_can_be_built_and_tested_from(built: Path) -> None:
    sdist = only(built, "*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert names >= sources() | files(SIDE_PANEL) | ON_TOP | {"build/labextension/package.json"}
    assert names >= {".ci/run", "notebooks/01-quickstart.ipynb", "tests/house/test_packaging.py"}
    beyond = names - sources() - files(SIDE_PANEL) - ON_TOP - BY_THE_BUILD
    assert not {name for name in beyond if not name.startswith(BESIDES)}
    assert not {name for name in names if "node_modules" in name or "__pycache__" in name}


def test_what_is_installed_can_be_imported_and_run(installed: Path, tmp_path: Path) -> None:
    told = done(
        sys.executable, "-c", "import academics as a; print(a.__version__, a.__file__)", cwd=tmp_path, path=installed
    )
    assert told.split(maxsplit=1) == [__version__, f"{installed / 'academics.py'}\n"]
    assert "serve" in done(installed / "bin" / "academics", "--help", cwd=tmp_path, path=installed)


def test_what_is_installed_can_be_loaded_in_ipython(installed: Path, tmp_path: Path) -> None:
    cell = "%load_ext academics\nfrom academics_jupyter.notebook.panels import panel\nprint(panel.__file__)\n%explore?"
    command = (sys.executable, "-m", "IPython", "--ipython-dir", tmp_path, "--colors", "nocolor", "-c", cell)
    told = done(*command, cwd=tmp_path, path=installed)
    assert str(installed / "academics_jupyter") in told
    assert "--available" in told


def test_every_import_is_a_declared_requirement() -> None:
    declared = {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in PROJECT["dependencies"]}
    providers = packages_distributions()
    undeclared = {
        name
        for name in imported() - set(sys.stdlib_module_names) - {"academics", "academics_jupyter"}
        if not declared.intersection(distribution.lower() for distribution in providers.get(name, []))
    }
    assert not undeclared


def imported() -> set[str]:
    """The top names of all that the package imports."""
    names = set[str]()
    for path in (ROOT / name for name in sources() if name.endswith(".py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])
    return names
