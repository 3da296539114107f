"""What `%load_ext academics` does: magics, settings and completion. Nothing of it reaches the network."""

from __future__ import annotations

import os
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from academics_jupyter.errors import NotStartedError
from academics_jupyter.notebook.completion import complete_magics
from academics_jupyter.notebook.configuration import Academics
from academics_jupyter.notebook.magics.chatting import ChattingMagics
from academics_jupyter.notebook.magics.downloading import DownloadingMagics
from academics_jupyter.notebook.magics.exploring import ExploringMagics
from academics_jupyter.notebook.magics.profile import ProfileMagics
from academics_jupyter.notebook.magics.rooms import RoomMagics
from academics_jupyter.notebook.magics.sharing import SharingMagics
from academics_jupyter.notebook.questions import keep_questions_to_ipython, send_questions
from academics_jupyter.notebook.session import Session
from academics_jupyter.notebook.showing import show_well
from academics_jupyter.peer.peer import Peer

NOTEBOOK_LABEL = "the notebook kernel"
"""What drives a peer, as the other processes of its profile are told; its process follows."""
MAGICS = (ProfileMagics, SharingMagics, ExploringMagics, DownloadingMagics, ChattingMagics, RoomMagics)

_loaded: dict[InteractiveShell, Session] = {}


def load(shell: InteractiveShell) -> None:
    """Give the shell the magics. Safe to repeat: the peer stays as it is."""
    if shell in _loaded:
        return
    configuration = Academics(parent=shell)
    configurables: list[Any] = shell.configurables
    configurables.append(configuration)
    session = Session(configuration.settings, f"{NOTEBOOK_LABEL} of process {os.getpid()}")
    for magics in MAGICS:
        shell.register_magics(magics(shell, session))
    show_well(shell)
    complete_magics(shell, session)
    send_questions(shell)
    _loaded[shell] = session


def unload(shell: InteractiveShell) -> None:
    """Leave the network and take the magics away."""
    session = _loaded.pop(shell, None)
    if session is None:
        return
    if session.current is not None:
        session.wait(session.close())
    keep_questions_to_ipython(shell)
    configurables: list[Any] = shell.configurables
    configurables[:] = [each for each in configurables if not isinstance(each, Academics)]
    for magics in shell.magics_manager.magics.values():
        for name, magic in list(magics.items()):
            if isinstance(getattr(magic, "__self__", None), MAGICS):
                del magics[name]


def current_session() -> Session:
    """The session of this kernel that has a peer. Raises NotStartedError where there is none."""
    for session in _loaded.values():
        if session.current is not None:
            return session
    raise NotStartedError("This kernel has no peer yet: %load_ext academics, then %register or %academics start.")


def current() -> Peer:
    """The peer of this kernel. Raises NotStartedError where there is none."""
    peer = current_session().current
    if peer is None:
        raise NotStartedError("This kernel's peer has just been closed: %academics start.")
    return peer
