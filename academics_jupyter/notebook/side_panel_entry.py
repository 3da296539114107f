"""What JupyterLab's extension asks of a kernel: the panel to draw at the side, and files to offer for sharing there.

It asks with an expression beside an empty cell, so that nothing of it stands in a person's names or history, and what
is returned goes to the browser as JSON. The panel is the one that `%academics panel` shows in this kernel.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import JSON

from academics_jupyter.errors import HandoverError, UsageError
from academics_jupyter.notebook.extension import NOTEBOOK_LABEL, load
from academics_jupyter.notebook.panels.panel import Panel
from academics_jupyter.peer.collecting import spare_what_lives

OWN_LABEL = "JupyterLab's side panel"

_going_online: set[asyncio.Task[None]] = set()


def answer(name: str, given: str) -> JSON:
    """Call `show` or `offer` with the arguments that `given` is the JSON of."""
    return JSON(_CALLS[name](**json.loads(given)))


def show(*, own: bool = False, profile: str = "") -> dict[str, Any]:
    """The panel of this kernel: the id of its widget's model, and where the kernel's user is at home.

    `own` says that the kernel is there for the side panel alone. Its peer goes online by itself, and takes over from a
    notebook's, so that no cell stops the sharing; `profile` is the one to open where none is open yet.
    """
    shell = _shell()
    if own and profile:
        os.environ["ACADEMICS_PROFILE"] = profile
    load(shell)
    panel: Panel = shell.run_line_magic("academics", "panel")
    if own and panel.session.label != OWN_LABEL:
        panel.session.label = OWN_LABEL
        going = asyncio.get_running_loop().create_task(_go_online(panel), name="academics-side-panel")
        _going_online.add(going)
        going.add_done_callback(_going_online.discard)
    return {"model": panel.model_id, "home": str(Path.home())}


def offer(*, root: str, paths: list[str]) -> dict[str, Any]:
    """Show files in the Share part, for a person to look through and share: `paths` lie below the server's `root`."""
    panel: Panel = _shell().run_line_magic("academics", "panel")
    whole = [Path(root).expanduser() / path for path in paths]
    panel.session.submit(_offer(panel, whole))
    return {}


_CALLS: dict[str, Callable[..., dict[str, Any]]] = {"show": show, "offer": offer}


def _shell() -> InteractiveShell:
    shell = get_ipython()
    if shell is None:
        raise UsageError("The side panel needs a Jupyter kernel.")
    return shell


async def _offer(panel: Panel, paths: list[Path]) -> None:
    await asyncio.gather(*(panel.share.offer(path) for path in paths))


async def _go_online(panel: Panel) -> None:
    """Once there is a profile, drive: who registers meanwhile in a notebook is to be a passenger there, too."""
    has_profile = asyncio.Event()
    panel.tabs.observe(lambda change: has_profile.set() if change.new else None, "registered")
    if not panel.tabs.registered:
        await has_profile.wait()
    with panel.profile.errors_shown():
        peer = await panel.session.peer()
        status = await peer.start(OWN_LABEL)
        if status.role == "passenger" and status.driven_by.startswith(NOTEBOOK_LABEL):
            # A notebook that computes does not yield now; this kernel stands by, as any passenger does.
            with suppress(HandoverError):
                await peer.attach(OWN_LABEL)
    spare_what_lives()
    panel.profile.redraw.soon()
