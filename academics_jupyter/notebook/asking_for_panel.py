"""`%academics sidebar`: an output that JupyterLab's extension takes for a request to show this kernel's panel."""

from __future__ import annotations

import secrets
from pathlib import Path

from ipykernel.connect import get_connection_file
from IPython.display import display

ASKING_TYPE = "application/vnd.academics.side-panel+json"
ELSEWHERE = (
    "There is no side panel here: in JupyterLab, install academics-jupyter where JupyterLab runs, and reload the page;"
    " elsewhere, %academics panel shows the panel in a cell."
)


def ask_for_side_panel() -> None:
    """Have JupyterLab show the panel at its side, drawn by this kernel; other front ends show what to do instead."""
    request = {"kernel": _kernel_id(), "asked": secrets.token_hex(8)}
    display({ASKING_TYPE: request, "text/plain": ELSEWHERE}, raw=True)


def _kernel_id() -> str:
    """The kernel's name on its server, from that of its connection file; empty where there is no kernel."""
    try:
        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except RuntimeError:
        return ""
