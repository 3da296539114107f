"""A real JupyterLab, on a copy of the notebooks, and a real Chromium to use it with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.waiting import wait_until

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SCREENSHOTS = Path(__file__).parent / "screenshots"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LAB_SETTINGS = {
    "apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
}
START_S = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian calls it chromium; CHROMIUM says where another one is.

    Not for the whole session: while playwright's loop is open, no other test could open one.
    """
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "the browser tests need Chromium: install it, or set CHROMIUM to its path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Lab:
    """A running JupyterLab."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        runtime = data / "runtime"
        settings = data / "config"
        for plugin, values in LAB_SETTINGS.items():
            file = settings / "lab" / "user-settings" / "@jupyterlab" / plugin
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        environment = os.environ | {
            "XDG_DATA_HOME": str(data),
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(settings),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        self.log = data / "lab.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1",
                    "--IdentityProvider.token=",
                ],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_until(lambda: self._told(runtime), START_S, "JupyterLab's start")
        self.url = str(json.loads(self._told(runtime))["url"])

    @staticmethod
    def _told(runtime: Path) -> str:
        """What the server has written of itself; empty while it has only begun to."""
        return "".join(each.read_text() for each in runtime.glob("jpserver-*.json"))

    def kernel_is_idle(self) -> bool:
        """Whether the one notebook that is open has a kernel that has started."""
        with urllib.request.urlopen(f"{self.url}api/sessions") as answer:
            sessions = json.load(answer)
        return [session["kernel"]["execution_state"] for session in sessions] == ["idle"]

    def stop(self) -> None:
        """As Ctrl-C does, twice; its kernels end with it."""
        self.process.terminate()
        self.process.wait(30)


def forget_runs(path: Path) -> None:
    """Take the outputs that a notebook keeps away, so that a cell which has run can be told from one that has not."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """JupyterLab on the notebooks, with a home of its own."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    for notebook in folder.glob("*.ipynb"):
        forget_runs(notebook)
    data = tmp_path / "data"
    data.mkdir()
    lab = Lab(folder, data)
    yield lab
    lab.stop()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser window; how it looked at the end of the test is kept for people to see."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield page
    take_picture(page, f"end-of-{request.node.name}")
    context.close()


def take_picture(page: Page, name: str, **options: Any) -> None:
    """Keep a screenshot for people to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", **options)
