"""What all magics share: reading their line, reaching the peer, saying what it has to say."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from IPython.core.error import UsageError as ShellUsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.session import Session
from academics_jupyter.peer.peer import Peer

T = TypeVar("T")


def parsed(magic: Any, line: str) -> Namespace:
    """The arguments of a magic declared with IPython's `magic_arguments`. Raises UsageError."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%{magic.__name__}: a quotation mark is not closed.") from error
    try:
        arguments: Namespace = magic.parser.parse_args(words)
    except ShellUsageError as error:
        raise UsageError(f"%{magic.__name__}: {error} (%{magic.__name__}? shows how it is used)") from error
    return arguments


class PeerMagics(Magics):
    """Magics over the session's peer."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    def ask(self, request: Callable[[Peer], Awaitable[T]]) -> T:
        """Make a request of the peer, wait for what it returns, and print what it has to say."""

        async def asking() -> T:
            peer = await self.session.peer()
            peer.notice = ""
            answer = await request(peer)
            if peer.notice:
                print(peer.notice)  # noqa: T201  the cell is where people look
            return answer

        return self.session.wait(asking())
