"""What can be set, and from where: the environment first, then what the caller falls back on, then the default."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import platformdirs

from academics_jupyter.errors import UsageError
from academics_jupyter.protocol.sizes import written_bytes
from academics_jupyter.registry.opening import default_folder

LOOPBACK = "127.0.0.1"
ENVIRONMENT = {
    "home": "ACADEMICS_HOME",
    "profile": "ACADEMICS_PROFILE",
    "registry": "ACADEMICS_REGISTRY",
    "host": "ACADEMICS_HOST",
    "port": "ACADEMICS_PORT",
    "public_urls": "ACADEMICS_PUBLIC_URLS",
    "passphrase": "ACADEMICS_PASSPHRASE",
    "upload_limit": "ACADEMICS_UPLOAD_LIMIT",
    "download_limit": "ACADEMICS_DOWNLOAD_LIMIT",
    "uploads_at_once": "ACADEMICS_UPLOADS_AT_ONCE",
    "downloads_at_once": "ACADEMICS_DOWNLOADS_AT_ONCE",
    "read_marks": "ACADEMICS_READ_MARKS",
}
MOST_AT_ONCE = 1000
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def default_home() -> Path:
    """The user's data folder."""
    return platformdirs.user_data_path("academics", appauthor=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One kernel's settings. An empty `registry` is the embedded one; an empty `host`, what fits the registry.

    `upload_limit` and `download_limit` are in bytes per second, for all transfers together; 0 is no limit. Without
    `read_marks`, nobody is told what the person has read, nor that they are writing.
    """

    home: Path = field(default_factory=default_home)
    profile: str = "default"
    registry: str = ""
    host: str = ""
    port: int = 0
    public_urls: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)
    disconnect_ratio: float = 0.5
    max_links: int = 128
    upload_limit: int = 0
    download_limit: int = 0
    uploads_at_once: int = 16
    downloads_at_once: int = 3
    read_marks: bool = True

    @property
    def registry_folder(self) -> Path:
        """Where the embedded registry lives: one for each user of the machine, whichever homes their profiles have."""
        return default_folder()

    @property
    def is_local(self) -> bool:
        """Whether the registry is this machine's own, so that there is nobody to reach but over loopback."""
        return not self.registry or all(_is_this_machine(host) for host in _registry_hosts(self.registry))

    @property
    def bind_host(self) -> str:
        """What the server binds; empty for every interface."""
        return self.host or (LOOPBACK if self.is_local else "")


def resolve(given: Mapping[str, Any] | None = None, fallback: Mapping[str, Any] | None = None) -> Settings:
    """Settings from what was `given` outright, else the environment, else `fallback`, else the defaults.

    Raises UsageError for a value that makes no sense.
    """
    values = {name: value for name, value in (fallback or {}).items() if value not in (None, "", ())}
    values |= {name: os.environ[variable] for name, variable in ENVIRONMENT.items() if os.environ.get(variable)}
    values |= {name: value for name, value in (given or {}).items() if value is not None}
    return Settings(**{name: checked(name, value) for name, value in values.items()})


def checked(name: str, value: Any) -> Any:
    """The value of a setting, as `Settings` has it. Raises UsageError for one that makes no sense."""
    match name:
        case "home":
            return Path(value).expanduser().absolute()
        case "port":
            return _port(value)
        case "public_urls" if isinstance(value, str):
            return tuple(url.strip() for url in value.split(",") if url.strip())
        case "upload_limit" | "download_limit":
            return _limit(name, value)
        case "uploads_at_once" | "downloads_at_once":
            return _at_once(name, value)
        case "read_marks":
            return _switch(name, value)
    return value


def _port(value: Any) -> int:
    if str(value).isascii() and str(value).isdigit() and int(value) < 1 << 16:
        return int(value)
    raise UsageError(f"The port must be a number from 0 to 65535, not {value!r}: set ACADEMICS_PORT to one.")


def _limit(name: str, value: Any) -> int:
    limit = written_bytes(str(value))
    if limit is not None:
        return limit
    raise UsageError(
        f"{name} must be an amount for each second, such as 5 MB or 500 kB, or 0 for no limit, not {value!r}:"
        f" set {ENVIRONMENT[name]} to one."
    )


def _at_once(name: str, value: Any) -> int:
    if str(value).isascii() and str(value).isdigit() and 1 <= int(value) <= MOST_AT_ONCE:
        return int(value)
    raise UsageError(
        f"{name} must be a number from 1 to {MOST_AT_ONCE}, not {value!r}: set {ENVIRONMENT[name]} to one."
    )


def _switch(name: str, value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise UsageError(f"{name} must be on or off, not {value!r}: set {ENVIRONMENT[name]} to one.")


def _registry_hosts(uri: str) -> list[str]:
    scheme, _, rest = uri.partition("://")
    if scheme != "mongodb":
        return ["elsewhere"]
    hosts = rest.partition("/")[0].rpartition("@")[2]
    return hosts.split(",")


def _is_this_machine(host: str) -> bool:
    if host.lower().startswith("%2f"):
        return True
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
