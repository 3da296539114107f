"""Tab completion of what magics take: names, ids, actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from academics_jupyter.notebook.magics.profile import ACTIONS
from academics_jupyter.notebook.session import Session
from academics_jupyter.notebook.showing import SHORT_ID

PEER_MAGICS = ("chat", "history", "block", "unblock", "verify")
RESOURCE_MAGICS = ("download", "fetch", "cite", "describe", "unshare")


def complete_magics(shell: InteractiveShell, session: Session) -> None:
    """Have the shell complete them from what the profile knows; the network is not asked."""

    def names(_event: Any) -> Iterable[str]:
        known = session.current.known_names() if session.current else []
        return [f'"{name}"' if " " in name else name for name in known]

    def ids(_event: Any) -> Iterable[str]:
        known = session.current.known_resources() if session.current else []
        return [each[:SHORT_ID] for each in known]

    _hook(shell, PEER_MAGICS, names)
    _hook(shell, RESOURCE_MAGICS, ids)
    _hook(shell, ("academics",), lambda _event: ACTIONS)


def _hook(shell: InteractiveShell, magics: Iterable[str], complete: Callable[[Any], Iterable[str]]) -> None:
    def completer(_shell: InteractiveShell, event: Any) -> list[str]:
        return [each for each in complete(event) if each.startswith(event.symbol)]

    for magic in magics:
        for prefix in ("%", "%%"):
            shell.set_hook("complete_command", completer, str_key=prefix + magic)
