"""Tab completion of what magics take: names, ids, actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from academics_jupyter.notebook.magics.profile import ACTIONS
from academics_jupyter.notebook.session import Session
from academics_jupyter.notebook.showing import SHORT_ID
from academics_jupyter.protocol.mentions import begins, unfinished, written

PEER_MAGICS = ("chat", "history", "block", "unblock", "verify")
RESOURCE_MAGICS = ("download", "fetch", "cite", "describe", "unshare")

MENTIONS = "academics mentions"
BEFORE_ALL_OTHERS = 1000


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
    _complete_mentions(shell, session)


def _complete_mentions(shell: InteractiveShell, session: Session) -> None:
    """Complete `@na` in the messages of `%chat` and `%%chat`."""

    @context_matcher(priority=BEFORE_ALL_OTHERS, identifier=MENTIONS)
    def mentions(context: CompletionContext) -> SimpleMatcherResult:
        start = unfinished(context.text_until_cursor) if _writes_message(context) else None
        if start is None or session.current is None:
            return {"completions": []}
        names = [name for name in session.current.known_names() if begins(name, start.lstrip('"'))]
        completions = [SimpleCompletion(written(name), type="person") for name in names]
        return {"completions": completions, "matched_fragment": f"@{start}", "suppress": True}

    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != MENTIONS]
    matchers.append(mentions)


def _writes_message(context: CompletionContext) -> bool:
    """Whether the cursor is in a message, not in the code of a cell that is to be sent."""
    first = context.full_text.lstrip().partition("\n")[0].split()
    if first[:1] == ["%%chat"]:
        return "--cell" not in first or context.cursor_line == 0
    return context.line_with_cursor.lstrip().startswith("%chat ")


def _hook(shell: InteractiveShell, magics: Iterable[str], complete: Callable[[Any], Iterable[str]]) -> None:
    def completer(_shell: InteractiveShell, event: Any) -> list[str]:
        return [each for each in complete(event) if each.startswith(event.symbol)]

    for magic in magics:
        for prefix in ("%", "%%"):
            shell.set_hook("complete_command", completer, str_key=prefix + magic)
