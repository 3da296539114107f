"""The commands that save a profile and bring it back. What they do is `peer.saving`; here is what is asked and said."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Coroutine
from typing import Any

from academics_jupyter.errors import UsageError
from academics_jupyter.peer import saving
from academics_jupyter.peer.saving import BroughtBack
from academics_jupyter.peer.settings import Settings, resolve

VARIABLE = "ACADEMICS_EXPORT_PASSPHRASE"
PASSPHRASE = f"The passphrase of keys and backups is asked for, or taken from {VARIABLE} where a script runs this."


def export_key(given: argparse.Namespace) -> None:
    """`academics key export FILE`."""
    target = saving.target_of(given.file)
    fingerprint = saving.export_key(_settings(given), target, _chosen_passphrase())
    print(f"{target} holds the key of {fingerprint}. Keep it and its passphrase apart from this machine.")  # noqa: T201


def import_key(given: argparse.Namespace) -> None:
    """`academics key import FILE`."""
    source = saving.source_of(given.file)
    settings = _settings(given)
    back = saving.import_key(settings, source, _known_passphrase(source.name))
    print(f"The profile {settings.profile} has the key of {back.fingerprint} again.")  # noqa: T201
    _warn(back)


def back_up(given: argparse.Namespace) -> None:
    """`academics backup FILE`."""
    target = saving.target_of(given.file)
    passphrase = None if given.without_key else _chosen_passphrase()
    fingerprint = saving.back_up(_settings(given), target, passphrase, with_files=given.with_files)
    what = "the messages" if given.without_key else "the key and the messages"
    print(f"{target} holds {what} of {fingerprint}. Keep it apart from this machine.")  # noqa: T201


def restore(given: argparse.Namespace) -> Coroutine[Any, Any, None]:
    """`academics restore FILE`; the rest of it is to be awaited."""
    source, settings = saving.source_of(given.file), _settings(given)
    key = saving.source_of(given.key) if given.key else None
    saving.check_restorable(settings, source, key)
    back = saving.restore(settings, source, _known_passphrase((key or source).name), key)
    return _finish(settings, back)


async def _finish(settings: Settings, back: BroughtBack) -> None:
    conversations = await saving.look_over(settings)
    count = "1 conversation" if conversations == 1 else f"{conversations} conversations"
    print(  # noqa: T201
        f"The profile {settings.profile} is {back.fingerprint} again, with {count}. Use it in one place only: stop it"
        " wherever else it still runs."
    )
    _warn(back)


def _settings(given: argparse.Namespace) -> Settings:
    return resolve({"profile": given.profile})


def _warn(back: BroughtBack) -> None:
    if back.warning:
        print(back.warning, file=sys.stderr)  # noqa: T201


def _chosen_passphrase() -> str:
    if (given := os.environ.get(VARIABLE)) is not None:
        return given
    chosen = _asked("Choose a passphrase: ")
    saving.check_passphrase(chosen)
    if _asked("The same again: ") != chosen:
        raise UsageError("The two passphrases differ, and nothing was written: try again.")
    return chosen


def _known_passphrase(name: str) -> str:
    given = os.environ.get(VARIABLE)
    return _asked(f"The passphrase of {name}: ") if given is None else given


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"There is no terminal to ask for the passphrase: set {VARIABLE} to it.")
    try:
        return getpass.getpass(question)
    except EOFError:
        raise UsageError("No passphrase was given, so nothing was done.") from None
