"""What `%load_ext academics` and `import academics` find. Everything lives in `academics_jupyter`.

%load_ext academics
peer = academics.current()                       # the peer of this kernel
async with academics.open_peer() as peer: ...    # the same with no notebook
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from academics_jupyter import __version__
from academics_jupyter.errors import AcademicsError
from academics_jupyter.peer.event_bus import EventStream
from academics_jupyter.peer.events import (
    DownloadFailed,
    DownloadFinished,
    LoopStarved,
    MessageDelivered,
    MessageReceived,
    PeerJoined,
    PeerLeft,
    ResourceShared,
)
from academics_jupyter.peer.peer import Peer, open_peer

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "AcademicsError",
    "DownloadFailed",
    "DownloadFinished",
    "EventStream",
    "LoopStarved",
    "MessageDelivered",
    "MessageReceived",
    "Peer",
    "PeerJoined",
    "PeerLeft",
    "ResourceShared",
    "__version__",
    "current",
    "load_ipython_extension",
    "open_peer",
    "unload_ipython_extension",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext academics`."""
    from academics_jupyter.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext academics`."""
    from academics_jupyter.notebook.extension import unload

    unload(shell)


def current() -> Peer:
    """The peer of this kernel. Raises AcademicsError where there is none."""
    from academics_jupyter.notebook.extension import current as current_peer

    return current_peer()
