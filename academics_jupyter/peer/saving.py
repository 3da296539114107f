"""Saving a profile and bringing it back: its exported key, its backup, and the looking over of what was restored.

Of these only exporting and backing up go on while the peer runs; they need neither registry nor link. All of it blocks,
but for `look_over`, which opens the profile on the running loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from academics_jupyter.errors import UsageError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.holdings import held_path
from academics_jupyter.peer.settings import Settings
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.store.backup import write_backup
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.key_files import export_key as write_key_file
from academics_jupyter.store.key_files import import_keys, open_key_file, read_key_file
from academics_jupyter.store.keys import Protection, load_keys
from academics_jupyter.store.restoring import check_free, read_backup, restore_backup

UNPROTECTED = (
    "No system keyring was found and ACADEMICS_PASSPHRASE is not set: the profile's keys lie unencrypted in a file that"
    " only your account can read. To protect them, set ACADEMICS_PASSPHRASE, academics key export FILE, and"
    " academics key import FILE."
)
MIN_PASSPHRASE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class BroughtBack:
    """A profile that is here again. `warning` is one line on how its keys lie, if there is something to say."""

    fingerprint: str
    warning: str = ""


def target_of(file: str) -> Path:
    """Where to write a key or backup. Raises UsageError where something is, before anybody is asked for anything."""
    target = Path(file).expanduser().absolute()
    if target.is_dir():
        raise UsageError(f"{target} is a folder: give the name of a file in it.")
    if target.exists():
        raise UsageError(f"{target} is there already and was not overwritten: give another name.")
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {target.parent}: make it, or give another name.")
    return target


def source_of(file: str) -> Path:
    """Where a key or backup lies."""
    return Path(file).expanduser().absolute()


def check_passphrase(passphrase: str) -> None:
    """Raise UsageError for one that is not worth asking for: whoever has the file can try as many as they like."""
    if len(passphrase) < MIN_PASSPHRASE_LENGTH:
        raise UsageError(
            f"The passphrase is too short: take {MIN_PASSPHRASE_LENGTH} characters or more, or some words."
        )


def export_key(settings: Settings, target: Path, passphrase: str) -> str:
    """Write the profile's exported key; its fingerprint. Raises NotRegisteredError, KeysLockedError and StoreError."""
    check_passphrase(passphrase)
    keys, _ = load_keys(_folder(settings), settings.passphrase)
    write_key_file(keys, passphrase, target)
    return fingerprint(keys.peer)


def import_key(settings: Settings, source: Path, passphrase: str) -> BroughtBack:
    """Put an exported key into the profile. Raises as `open_key_file` and `import_keys` do."""
    keys = open_key_file(read_key_file(source), passphrase, source)
    return _brought_back(keys.peer, import_keys(_folder(settings), keys, settings.passphrase))


def back_up(settings: Settings, target: Path, passphrase: str | None, *, with_files: bool) -> str:
    """Write a backup, without the key where there is no passphrase; the fingerprint. Raises as `write_backup` does."""
    folder, keys = _folder(settings), None
    if passphrase is not None:
        check_passphrase(passphrase)
        keys, _ = load_keys(folder, settings.passphrase)
    return write_backup(folder, target, keys, passphrase or "", with_files=with_files).fingerprint


def check_restorable(settings: Settings, source: Path, key: Path | None) -> None:
    """What can be said before a passphrase is asked for. Raises UsageError, ProfileExistsError and StoreError."""
    check_free(_folder(settings))
    if not read_backup(source).key and key is None:
        raise UsageError(f"{source.name} was made without the key: give the exported one with --key FILE.")


def restore(settings: Settings, source: Path, passphrase: str, key: Path | None) -> BroughtBack:
    """Make the profile anew from a backup. Raises as `Backup.open_key` and `restore_backup` do."""
    backup = read_backup(source)
    keys = backup.open_key(passphrase, key)
    return _brought_back(keys.peer, restore_backup(backup, keys, _folder(settings), settings.passphrase))


async def look_over(settings: Settings) -> int:
    """Open a restored profile and take back that it holds what did not come with it; how many conversations it has."""
    folder = _folder(settings)
    context = Context(settings, folder, load_keys(folder, settings.passphrase)[0])
    try:
        sharing = SharingService(context)
        for held in context.store.files.all():
            if held_path(context, held.resource) is None:
                sharing.lost(held.resource)
        return len(context.store.messages.conversations())
    finally:
        await context.close()


def _folder(settings: Settings) -> ProfileFolder:
    return ProfileFolder(settings.home, settings.profile)


def _brought_back(peer: str, protection: Protection) -> BroughtBack:
    return BroughtBack(fingerprint(peer), UNPROTECTED if protection is Protection.FILE else "")
