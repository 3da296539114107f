"""What a detached process is told: the settings of the kernel that starts it, whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from academics_jupyter.peer.detached import received, sent
from academics_jupyter.peer.settings import ENVIRONMENT, Settings


@pytest.mark.parametrize(
    "settings",
    [
        Settings(home=Path("/somewhere")),
        Settings(
            home=Path("/somewhere/über"),
            profile="lab",
            registry="mongodb://user:word@example.org/academics",
            host="192.0.2.1",
            port=5555,
            public_urls=("https://example.org:5555", "https://example.net"),
            passphrase="correct horse 🐎",
            disconnect_ratio=0.25,
            max_links=7,
        ),
    ],
)
def test_the_settings_arrive_as_they_were(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in set(ENVIRONMENT.values()) - {"ACADEMICS_PASSPHRASE"}:
        monkeypatch.setenv(variable, "1")
    monkeypatch.delenv("ACADEMICS_PASSPHRASE", raising=False)
    assert received(sent(settings)) == settings
