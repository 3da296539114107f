"""`academics serve` as a process that outlives the kernel that starts it, with that kernel's settings.

The settings go through standard input, so that neither passphrase nor registry shows in a list of processes. A starter
in between, which ends at once, makes the process nobody's child: a kernel's end and its clean-up of children pass by.
"""

from __future__ import annotations

import json
import logging.handlers
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from academics_jupyter.errors import HandoverError
from academics_jupyter.peer.settings import Settings, resolve
from academics_jupyter.store.durable import disk_errors

START_TIMEOUT_S = 20.0
MAX_LOG_BYTES = 1 << 20
SERVE_MODULE = "academics_jupyter.command_line"

_STARTER = """
import subprocess, sys
log = open(sys.argv[1], "ab")
print(subprocess.Popen(sys.argv[2:], stdin=sys.stdin, stdout=log, stderr=log, start_new_session=True).pid)
"""


@dataclass(frozen=True, slots=True)
class DetachedProcess:
    """A process that `begin` has started, whether or not it still runs."""

    pid: int
    log: Path

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False

    @property
    def last_words(self) -> str:
        """The last line of its log."""
        with suppress(OSError, IndexError):
            return self.log.read_text(errors="replace").splitlines()[-1]
        return ""

    def end(self) -> None:
        """End it at once, if it runs."""
        with suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).kill()


def begin(settings: Settings, log: Path) -> DetachedProcess:
    """Start the process; it takes the peer over by itself. Blocks for some tenths of a second. Raises HandoverError."""
    with disk_errors(f"The log {log} cannot be written"):
        log.unlink(missing_ok=True)
        log.touch(0o600)
    serve = [sys.executable, "-m", SERVE_MODULE, "serve", "--detached"]
    try:
        starter = subprocess.run(
            [sys.executable, "-I", "-c", _STARTER, str(log), *serve],
            cwd="/",
            input=sent(settings),
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=True,
        )
        return DetachedProcess(int(starter.stdout), log)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise HandoverError(f"Your peer stays where it is: no process could be started ({error}).") from error


def sent(settings: Settings) -> str:
    """The settings as one text, with the passphrase in it."""
    return json.dumps(asdict(settings) | {"home": str(settings.home)})


def received(text: str) -> Settings:
    """In the process: the settings from that text; the environment counts for nothing beside it."""
    told = json.loads(text)
    return resolve(told | {"public_urls": tuple(told["public_urls"])})


def keep_log(log: Path) -> None:
    """In the process: write what is logged to `log`, which never grows far beyond MAX_LOG_BYTES."""
    handler = logging.handlers.RotatingFileHandler(log, maxBytes=MAX_LOG_BYTES, backupCount=1)
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", level=logging.WARNING, handlers=[handler])
