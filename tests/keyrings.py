"""A keyring in a file, for processes: PYTHON_KEYRING_BACKEND=tests.keyrings.FileKeyring, its path in FILE_VARIABLE."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend

FILE_VARIABLE = "ACADEMICS_TEST_KEYRING"
BACKEND = f"{__name__}.FileKeyring"


class FileKeyring(KeyringBackend):
    priority = 5  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        kept = self._kept().get(f"{service} {username}")
        return None if kept is None else str(kept)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps(self._kept() | {f"{service} {username}": password}))

    @property
    def _path(self) -> Path:
        return Path(os.environ[FILE_VARIABLE])

    def _kept(self) -> dict[str, str]:
        return dict(json.loads(self._path.read_text())) if self._path.exists() else {}


def keyring_in(path: Path) -> dict[str, str]:
    """The environment of somebody whose system has a keyring."""
    return {"PYTHON_KEYRING_BACKEND": BACKEND, FILE_VARIABLE: str(path)}
