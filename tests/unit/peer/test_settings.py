"""Where settings come from, and what follows from the registry's address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from academics_jupyter.errors import UsageError
from academics_jupyter.notebook.configuration import Academics
from academics_jupyter.peer.settings import ENVIRONMENT, Settings, default_home, resolve


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def test_the_defaults() -> None:
    assert resolve() == Settings(home=default_home())
    assert (Settings().profile, Settings().registry, Settings().port, Settings().public_urls) == ("default", "", 0, ())


def test_the_environment_comes_before_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACADEMICS_PROFILE", "lab")
    assert resolve(fallback={"profile": "home", "port": 4}) == resolve({"profile": "lab", "port": 4})
    assert resolve(fallback={"profile": "home"}).profile == "lab"


def test_what_is_given_comes_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACADEMICS_PROFILE", "lab")
    assert resolve({"profile": "given"}, {"profile": "home"}).profile == "given"


def test_nothing_given_is_not_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACADEMICS_PROFILE", "")
    monkeypatch.setenv("ACADEMICS_PORT", "8443")
    assert resolve({"profile": None, "port": None}, {"profile": "", "port": 1}) == resolve({"port": 8443})
    assert resolve(fallback={"profile": "", "public_urls": (), "passphrase": None}) == resolve({"port": 8443})


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("ACADEMICS_HOME", "/srv/academics", "home", Path("/srv/academics")),
        ("ACADEMICS_PROFILE", "lab", "profile", "lab"),
        ("ACADEMICS_REGISTRY", "mongodb://db.example", "registry", "mongodb://db.example"),
        ("ACADEMICS_HOST", "192.0.2.7", "host", "192.0.2.7"),
        ("ACADEMICS_PORT", "8443", "port", 8443),
        (
            "ACADEMICS_PUBLIC_URLS",
            "https://a.example:1, https://b.example:2,",
            "public_urls",
            ("https://a.example:1", "https://b.example:2"),
        ),
        ("ACADEMICS_PASSPHRASE", "secret", "passphrase", "secret"),
        ("ACADEMICS_UPLOAD_LIMIT", "5 MB/s", "upload_limit", 5_000_000),
        ("ACADEMICS_DOWNLOAD_LIMIT", "2 MiB", "download_limit", 2 << 20),
        ("ACADEMICS_UPLOADS_AT_ONCE", "4", "uploads_at_once", 4),
        ("ACADEMICS_DOWNLOADS_AT_ONCE", "1", "downloads_at_once", 1),
        ("ACADEMICS_READ_MARKS", "off", "read_marks", False),
    ],
)
def test_every_variable_is_read(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str, expected: Any
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(resolve(), name) == expected
    assert set(ENVIRONMENT) == {
        *("home", "profile", "registry", "host", "port", "public_urls", "passphrase"),
        *("upload_limit", "download_limit", "uploads_at_once", "downloads_at_once", "read_marks"),
    }


def test_a_home_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert resolve({"home": "~/academics"}).home == tmp_path / "academics"
    assert resolve({"home": "here"}).home == tmp_path / "here"


@pytest.mark.parametrize("port", ["0", "1", "65535", 8443])
def test_a_port(port: Any) -> None:
    assert resolve({"port": port}).port == int(port)


@pytest.mark.parametrize("port", ["-1", "65536", "http", "8443.5", "²", "٣", " 1", "1e3", -1, 65536, 1.5])
def test_a_bad_port_is_named_with_what_to_do(port: Any) -> None:
    with pytest.raises(UsageError) as refused:
        resolve({"port": port})
    assert "0 to 65535" in str(refused.value)
    assert "ACADEMICS_PORT" in str(refused.value)


@pytest.mark.parametrize("name", ["upload_limit", "download_limit"])
@pytest.mark.parametrize("value", ["fast", "-1", "5 Mbit", "1e6", -1, 2.5e-7, True])
def test_a_bad_limit_is_named_with_what_to_do(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        resolve({name: value})
    assert name in str(refused.value)
    assert "5 MB" in str(refused.value)
    assert ENVIRONMENT[name] in str(refused.value)


@pytest.mark.parametrize("name", ["uploads_at_once", "downloads_at_once"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "2.5", "1001", 0, True])
def test_a_bad_number_at_once_is_named_with_what_to_do(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        resolve({name: value})
    assert name in str(refused.value)
    assert "1 to 1000" in str(refused.value)
    assert ENVIRONMENT[name] in str(refused.value)


@pytest.mark.parametrize(("value", "means"), [("On", True), ("1", True), (True, True), ("no", False), (False, False)])
def test_a_switch(value: Any, means: bool) -> None:
    assert resolve({"read_marks": value}).read_marks is means
    assert resolve(fallback={"read_marks": value}).read_marks is means


def test_a_switch_that_is_neither_on_nor_off_is_named_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"read_marks must be on or off.*ACADEMICS_READ_MARKS"):
        resolve({"read_marks": "sometimes"})


def test_a_notebooks_settings_are_what_the_environment_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = Academics(upload_limit="500 kB", download_limit=7, uploads_at_once=2)
    assert configuration.settings() == resolve({"upload_limit": 500_000, "download_limit": 7, "uploads_at_once": 2})
    monkeypatch.setenv("ACADEMICS_UPLOAD_LIMIT", "1 kB")
    assert configuration.settings().upload_limit == 1000


@pytest.mark.parametrize(("name", "value"), [("upload_limit", "fast"), ("downloads_at_once", 0)])
def test_a_notebook_is_told_of_a_bad_value_when_it_sets_it(name: str, value: Any) -> None:
    configuration = Academics()
    with pytest.raises(TraitError, match=name):
        setattr(configuration, name, value)
    assert configuration.settings() == resolve()


LOCAL = [
    "",
    "mongodb://localhost",
    "mongodb://LOCALHOST:27017/academics",
    "mongodb://127.0.0.1",
    "mongodb://127.8.8.8:1/",
    "mongodb://[::1]:27017",
    "mongodb://ada:secret@localhost:27017/academics",
    "mongodb://%2Ftmp%2Fmongodb-27017.sock/academics",
    "mongodb://localhost:27017,127.0.0.1:27018/?replicaSet=rs0",
]
ELSEWHERE = [
    "mongodb://db.example",
    "mongodb://192.0.2.7:27017",
    "mongodb://localhost,db.example/academics",
    "mongodb://localhost@db.example/",
    "mongodb://localhost.example",
    "mongodb+srv://localhost/academics",
    "mongodb://[2001:db8::7]",
    "mongodb://",
]


@pytest.mark.parametrize("registry", LOCAL)
def test_a_registry_on_this_machine_keeps_the_server_on_it(registry: str) -> None:
    assert Settings(registry=registry).is_local
    assert Settings(registry=registry).bind_host == "127.0.0.1"


@pytest.mark.parametrize("registry", ELSEWHERE)
def test_a_registry_elsewhere_opens_the_server_to_every_interface(registry: str) -> None:
    assert not Settings(registry=registry).is_local
    assert Settings(registry=registry).bind_host == ""


@pytest.mark.parametrize("registry", ["", "mongodb://db.example"])
def test_a_host_that_was_set_is_bound(registry: str) -> None:
    assert Settings(registry=registry, host="192.0.2.7").bind_host == "192.0.2.7"


def test_the_passphrase_is_not_shown() -> None:
    assert "secret" not in repr(resolve({"passphrase": "secret"}))
