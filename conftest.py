"""Keeps tests and notebooks away from the profiles, the keyring and the embedded registry of whoever runs them."""

from __future__ import annotations

import os
import tempfile

_folder = tempfile.TemporaryDirectory(prefix="academics-tests-", ignore_cleanup_errors=True)
os.environ["XDG_DATA_HOME"] = _folder.name
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
for name in [name for name in os.environ if name.startswith("ACADEMICS_") and not name.startswith("ACADEMICS_TEST_")]:
    del os.environ[name]
