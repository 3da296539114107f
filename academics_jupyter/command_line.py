"""The `academics` command: a peer with no notebook, for a lab's server or a shell."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from academics_jupyter.errors import AcademicsError, NotRegisteredError, ProfileDrivenElsewhereError
from academics_jupyter.peer.changes import either
from academics_jupyter.peer.detached import keep_log, received
from academics_jupyter.peer.doctor.examining import diagnose_unopened
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.settings import Settings, resolve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0, or 1 with one line on standard error."""
    given = _parser().parse_args(arguments)
    try:
        asyncio.run(given.run(given))
    except AcademicsError as error:
        print(f"academics: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="academics", description="Share work and talk, peer to peer.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--profile", help="which profile (ACADEMICS_PROFILE)")
    common.add_argument("--registry", help="a MongoDB URI; the embedded one if not given (ACADEMICS_REGISTRY)")
    serve = commands.add_parser("serve", parents=[common], help="keep the profile's peer online until interrupted")
    serve.add_argument("--name", help="register the profile under this name first, if it is new")
    # What `%academics detach` starts: see `detached`.
    serve.add_argument("--detached", dest="run", action="store_const", const=_serve_detached, help=argparse.SUPPRESS)
    serve.set_defaults(run=_serve)
    commands.add_parser("status", parents=[common], help="show the profile's peer").set_defaults(run=_status)
    doctor = commands.add_parser("doctor", parents=[common], help="test registry, port, addresses, clock and more")
    doctor.set_defaults(run=_doctor)
    share = commands.add_parser("share", parents=[common], help="share files or folders; they go out once online")
    share.add_argument("files", nargs="+", metavar="FILE")
    share.set_defaults(run=_share)
    export = commands.add_parser("export-torrent", parents=[common], help="write a BitTorrent v2 torrent of a resource")
    export.add_argument("resource", metavar="ID", help="the id, or its start, of a resource in the repository")
    export.add_argument("--output", metavar="FILE", help="its name or folder; NAME.torrent here if not given")
    export.set_defaults(run=_export_torrent)
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    return resolve({"profile": given.profile, "registry": given.registry})


async def _opened(given: argparse.Namespace) -> Peer:
    return await Peer.open(_settings(given))


async def _serve(given: argparse.Namespace) -> None:
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
        await _asked_to_stop().wait()
    finally:
        await peer.close()


async def _serve_detached(_given: argparse.Namespace) -> None:
    """Take the peer over, and end once another process has done the same."""
    peer = await Peer.open(received(sys.stdin.read()))
    keep_log(peer.folder.serve_log)
    try:
        await peer.attach(_label())
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


async def _status(given: argparse.Namespace) -> None:
    peer = await _opened(given)
    print(peer.status())  # noqa: T201
    await peer.close()


async def _doctor(given: argparse.Namespace) -> None:
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


async def _share(given: argparse.Namespace) -> None:
    peer = await _opened(given)
    try:
        for file in given.files:
            resource = await peer.share(file)
            print(f"{resource.id}  {resource.title}")  # noqa: T201
        if peer.notice:
            print(peer.notice, file=sys.stderr)  # noqa: T201
    finally:
        await peer.close()


async def _export_torrent(given: argparse.Namespace) -> None:
    peer = await _opened(given)
    try:
        print(await peer.export_torrent(given.resource, given.output))  # noqa: T201
    finally:
        await peer.close()


if __name__ == "__main__":
    sys.exit(main())
