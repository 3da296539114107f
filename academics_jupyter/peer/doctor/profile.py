"""The doctor's checks of the profile: who it is, its keys, folder and disk, who drives it, what waits in its outbox."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from pathlib import Path

import psutil

from academics_jupyter.errors import StoreError
from academics_jupyter.peer.doctor.case import Case, span
from academics_jupyter.peer.doctor.diagnosis import Finding, State
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.store import system_keyring
from academics_jupyter.store.keys import Protection, load_keys
from academics_jupyter.store.outbox import REGISTRY
from academics_jupyter.store.system_keyring import KeyringUnavailableError

LITTLE_BYTES, TOO_LITTLE_BYTES = 2 << 30, 100 << 20
RENEWED_WITHIN_MS = 60_000
"""The presence lease is renewed twice in this time, by a thread that a computing cell does not stop."""
LONG_WAIT_MS = 60_000
REMOTE_FILE_SYSTEMS = ("nfs", "cifs", "smb", "afs", "lustre", "beegfs", "gpfs", "ceph", "9p", "fuse.sshfs", "glusterfs")


async def check_profile(case: Case) -> Finding:
    """Whether there is one, and whether it opens."""
    if case.trouble is not None:
        return Finding("profile", "bad", str(case.trouble))
    details = case.context.store.profile.get() if case.context else None
    if case.context is None or details is None:
        return Finding("profile", "poor", f"{case.settings.profile} is not registered", "%register --name NAME")
    return Finding(
        "profile", "good", f"{details.name} ({fingerprint(case.context.me)}), profile {case.settings.profile}"
    )


async def check_keys(case: Case) -> Finding | None:
    """What protects the keys or, before registering, what would."""
    if case.trouble is not None:
        return None
    if case.context is None:
        return await asyncio.to_thread(_protection_to_come, case)
    try:
        _, protection = await asyncio.to_thread(load_keys, case.folder, case.settings.passphrase)
    except StoreError as error:
        return Finding(
            "keys", "bad", str(error), "the kernels that are open now go on; new ones cannot open the profile"
        )
    if protection is Protection.FILE:
        return Finding(
            "keys",
            "poor",
            "they lie unencrypted in a file that only your account and the machine's administrators can read",
            "keep the profile on an encrypted disk; a profile registered with ACADEMICS_PASSPHRASE set has them sealed",
        )
    how = "the system keyring" if protection is Protection.KEYRING else "ACADEMICS_PASSPHRASE"
    return Finding("keys", "good", f"{how} opens them")


async def check_folder(case: Case) -> Finding:
    """Whether the folder is this user's alone, can be written, and lies where SQLite works as it should."""
    return await asyncio.to_thread(_folder, case)


async def check_disk(case: Case) -> Finding:
    """Whether there is room."""
    free = (await asyncio.to_thread(shutil.disk_usage, _existing(case.folder.path))).free
    says = f"{free / 1e9:.1f} GB free"
    if free < LITTLE_BYTES:
        state: State = "bad" if free < TOO_LITTLE_BYTES else "poor"
        return Finding("disk", state, f"only {says} where the profile lies", "make room, or move ACADEMICS_HOME")
    return Finding("disk", "good", says)


async def check_driver(case: Case) -> Finding | None:
    """Who runs the peer, and whether that process still renews the presence lease."""
    if case.context is None:
        return None
    if case.driver is None:
        return Finding("driver", "poor", "your peer is not online", "%academics start")
    if case.drives_here:
        return Finding("driver", "good", "your peer runs here")
    who, presence = case.driver.label, case.presence
    health = await case.health_if_any()
    if presence is None or health is None:
        return Finding("driver", "good", f"your peer runs in {who}")
    silent_ms = case.age_ms(presence, health)
    process = f"process {case.driver.pid}"
    pid = "" if not case.driver.pid or process in who else f" ({process})"
    if silent_ms > RENEWED_WITHIN_MS:
        return Finding(
            "driver",
            "bad",
            f"{who}{pid} has not renewed your presence for {span(silent_ms)}: it hangs or is stopped",
            "restart that kernel or end that process; another open notebook of yours then takes over",
        )
    if presence.busy:
        return Finding(
            "driver",
            "poor",
            f"your peer runs in {who}{pid}, which is busy with a long cell: others see you as busy",
            "wait for the cell or interrupt it; academics serve keeps a peer online beside long cells",
        )
    return Finding("driver", "good", f"your peer runs in {who} and renewed your presence {span(silent_ms)} ago")


async def check_outbox(case: Case) -> Finding | None:
    """What has waited longest to be sent, and why."""
    if case.context is None:
        return None
    entries, waiting = case.context.store.outbox.waiting(), case.waiting()
    if not entries or not waiting:
        return Finding("outbox", "good", "nothing waits to be sent")
    waited_ms = case.context.clock.now_ms() - entries[0].created_at_ms
    longest = waiting[0]
    says = f"{len(entries)} to be sent; {longest.what} for {longest.destination} has waited {span(waited_ms)}"
    is_stuck = entries[0].destination == REGISTRY and waited_ms > LONG_WAIT_MS
    return Finding("outbox", "poor" if is_stuck else "good", f"{says} ({longest.why.rstrip('.')})")


def _protection_to_come(case: Case) -> Finding:
    if case.settings.passphrase:
        return Finding("keys", "good", "ACADEMICS_PASSPHRASE will protect them")
    try:
        system_keyring.look_up("academics doctor")
    except KeyringUnavailableError as error:
        return Finding(
            "keys",
            "poor",
            f"the system keyring cannot be used ({error}), so they would lie unencrypted in a file of yours",
            "set ACADEMICS_PASSPHRASE before registering",
        )
    return Finding("keys", "good", "the system keyring will protect them")


def _folder(case: Case) -> Finding:
    path, existing = case.folder.path, _existing(case.folder.path)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("folder", "bad", f"{existing} cannot be written", "mend its permissions, or set ACADEMICS_HOME")
    if existing == path and (open_to_others := _open_to_others(case)):
        return Finding(
            "folder",
            "bad",
            f"other users of this machine may get at {open_to_others}",
            f"chmod -R go= '{path}'",
        )
    kind = _file_system(existing)
    if kind.startswith(REMOTE_FILE_SYSTEMS):
        return Finding(
            "folder",
            "poor",
            f"{path} lies on a network file system ({kind}), where two machines that use one profile can damage it",
            "use the profile on one machine at a time, or set ACADEMICS_HOME to a folder on a local disk",
        )
    if case.context is not None and (mode := _journal_mode(case)) != "wal":
        return Finding(
            "folder",
            "poor",
            f"the file system of {path} ({kind or 'unknown'}) does not carry SQLite's WAL, so it is slower ({mode})",
            "set ACADEMICS_HOME to a folder on a local disk",
        )
    return Finding("folder", "good", f"{path} is yours alone" if existing == path else f"{path} will be made")


def _open_to_others(case: Case) -> Path | None:
    """What of the profile others may read or own. Windows has no such modes."""
    if os.name == "nt":
        return None
    for path in (case.folder.path, case.folder.keys, case.folder.database):
        if not path.exists():
            continue
        found = path.stat()
        if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
            return path
    return None


def _journal_mode(case: Case) -> str:
    assert case.context is not None  # noqa: S101  asked of an opened profile only
    return str(case.context.store.database.read("PRAGMA journal_mode")[0][0])


def _file_system(path: Path) -> str:
    """The kind of the file system that a path lies on; empty where it is not known."""
    try:
        mounts = [(Path(each.mountpoint), each.fstype) for each in psutil.disk_partitions(all=True)]
    except OSError:
        return ""
    around = [(len(mount.parts), kind) for mount, kind in mounts if path.resolve().is_relative_to(mount)]
    return max(around)[1].lower() if around else ""


def _existing(path: Path) -> Path:
    """The path, or the nearest folder around it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())
