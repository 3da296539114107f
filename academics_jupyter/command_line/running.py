"""The commands that open the profile's peer, and the one that keeps it online."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from academics_jupyter.errors import AcademicsError, NotRegisteredError, ProfileDrivenElsewhereError
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.collecting import spare_what_lives
from academics_jupyter.peer.detached import keep_log, received
from academics_jupyter.peer.doctor.examining import diagnose_unopened
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.settings import Settings, resolve


def _settings(given: argparse.Namespace) -> Settings:
    return resolve({"profile": given.profile, "registry": given.registry})


async def _opened(given: argparse.Namespace) -> Peer:
    return await Peer.open(_settings(given))


async def serve(given: argparse.Namespace) -> None:
    """`academics serve`: online until interrupted."""
    peer = await _opened(given)
    try:
        if not peer.is_registered and given.name:
            await peer.register(given.name)
        if not peer.is_registered:
            raise NotRegisteredError("The profile is new: give it a name with --name NAME.")
        await peer.start(_label())
        if not peer.is_driver:
            raise ProfileDrivenElsewhereError(peer.notice)
        print(peer.status(), flush=True)  # noqa: T201
        spare_what_lives()
        await _asked_to_stop().wait()
    finally:
        await peer.close()


async def serve_detached(_given: argparse.Namespace) -> None:
    """Take the peer over, and end once another process has done the same."""
    peer = await Peer.open(received(sys.stdin.read()))
    keep_log(peer.folder.serve_log)
    try:
        await peer.attach(_label())
        spare_what_lives()
        await either(_asked_to_stop(), peer.superseded)
    finally:
        await peer.close()


def _label() -> str:
    return f"academics serve, process {os.getpid()}"


def _asked_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def status(given: argparse.Namespace) -> None:
    """`academics status`."""
    peer = await _opened(given)
    print(peer.status())  # noqa: T201
    await peer.close()


async def doctor(given: argparse.Namespace) -> None:
    """`academics doctor`; raises AcademicsError where something is to be mended."""
    try:
        peer = await _opened(given)
    except AcademicsError as error:
        diagnosis = await diagnose_unopened(error, lambda: _settings(given))
    else:
        diagnosis = await peer.diagnose()
        await peer.close()
    print(diagnosis)  # noqa: T201
    if not diagnosis.is_well:
        raise AcademicsError(diagnosis.summary)


async def share(given: argparse.Namespace) -> None:
    """`academics share FILE…`."""
    peer = await _opened(given)
    try:
        for file in given.files:
            resource = await peer.share(file)
            print(f"{resource.id}  {resource.title}")  # noqa: T201
        if peer.notice:
            print(peer.notice, file=sys.stderr)  # noqa: T201
    finally:
        await peer.close()


async def export_torrent(given: argparse.Namespace) -> None:
    """`academics export-torrent ID`."""
    peer = await _opened(given)
    try:
        print(await peer.export_torrent(given.resource, given.output))  # noqa: T201
    finally:
        await peer.close()
