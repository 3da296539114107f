"""What can be typed after `academics`, and how a command ends: 0, or 1 with one line on standard error."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from academics_jupyter.command_line import running, saving
from academics_jupyter.errors import AcademicsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0, or 1 with one line on standard error."""
    given = _parser().parse_args(arguments)
    try:
        # What asks for a passphrase does so before there is a loop, which would take the first Ctrl-C for itself.
        if (rest := given.run(given)) is not None:
            asyncio.run(rest)
    except AcademicsError as error:
        print(f"academics: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="academics", description="Share work and talk, peer to peer.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", help="which profile (ACADEMICS_PROFILE)")
    common = argparse.ArgumentParser(add_help=False, parents=[profile])
    common.add_argument("--registry", help="a MongoDB URI; the embedded one if not given (ACADEMICS_REGISTRY)")
    serve = commands.add_parser("serve", parents=[common], help="keep the profile's peer online until interrupted")
    serve.add_argument("--name", help="register the profile under this name first, if it is new")
    # What `%academics detach` starts: see `detached`.
    serve.add_argument(
        "--detached", dest="run", action="store_const", const=running.serve_detached, help=argparse.SUPPRESS
    )
    serve.set_defaults(run=running.serve)
    status = commands.add_parser("status", parents=[common], help="show the profile's peer")
    status.set_defaults(run=running.status)
    doctor = commands.add_parser("doctor", parents=[common], help="test registry, port, addresses, clock and more")
    doctor.set_defaults(run=running.doctor)
    share = commands.add_parser("share", parents=[common], help="share files or folders; they go out once online")
    share.add_argument("files", nargs="+", metavar="FILE")
    share.set_defaults(run=running.share)
    export = commands.add_parser("export-torrent", parents=[common], help="write a BitTorrent v2 torrent of a resource")
    export.add_argument("resource", metavar="ID", help="the id, or its start, of a resource in the repository")
    export.add_argument("--output", metavar="FILE", help="its name or folder; NAME.torrent here if not given")
    export.set_defaults(run=running.export_torrent)
    _add_saving(commands, profile)
    return parser


def _add_saving(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], profile: argparse.ArgumentParser
) -> None:
    key = commands.add_parser("key", help="export the key to your identity and messages, or import it")
    ways = key.add_subparsers(required=True, metavar="export|import")
    out = ways.add_parser(
        "export", parents=[profile], help="write the key to a file, sealed by a passphrase", epilog=saving.PASSPHRASE
    )
    out.add_argument("file", metavar="FILE", help="a new file; keep it apart from this machine")
    out.set_defaults(run=saving.export_key)
    back = ways.add_parser(
        "import", parents=[profile], help="put an exported key into a profile", epilog=saving.PASSPHRASE
    )
    back.add_argument("file", metavar="FILE")
    back.set_defaults(run=saving.import_key)
    backup = commands.add_parser(
        "backup",
        parents=[profile],
        help="write the key, all messages and what else the profile knows to one file, also while it is in use",
        epilog=saving.PASSPHRASE,
    )
    backup.add_argument("file", metavar="FILE", help="a new file; keep it apart from this machine")
    backup.add_argument("--with-files", action="store_true", help="the files of the repository too")
    backup.add_argument(
        "--without-key", action="store_true", help="leave the key out, and ask for no passphrase; see key export"
    )
    backup.set_defaults(run=saving.back_up)
    restore = commands.add_parser(
        "restore", parents=[profile], help="bring a profile back from a backup", epilog=saving.PASSPHRASE
    )
    restore.add_argument("file", metavar="FILE")
    restore.add_argument("--key", metavar="KEYFILE", help="the exported key, for a backup made without it")
    restore.set_defaults(run=saving.restore)
