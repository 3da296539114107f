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
}


def default_home() -> Path:
    """The user's data folder."""
    return platformdirs.user_data_path("academics", appauthor=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One kernel's settings. An empty `registry` is the embedded one; an empty `host`, what fits the registry."""

    home: Path = field(default_factory=default_home)
    profile: str = "default"
    registry: str = ""
    host: str = ""
    port: int = 0
    public_urls: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)
    disconnect_ratio: float = 0.5
    max_links: int = 128

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
    if "home" in values:
        values["home"] = Path(values["home"]).expanduser().absolute()
    if "port" in values:
        values["port"] = _port(values["port"])
    if isinstance(values.get("public_urls"), str):
        values["public_urls"] = tuple(url.strip() for url in values["public_urls"].split(",") if url.strip())
    return Settings(**values)


def _port(value: Any) -> int:
    if str(value).isascii() and str(value).isdigit() and int(value) < 1 << 16:
        return int(value)
    raise UsageError(f"The port must be a number from 0 to 65535, not {value!r}: set ACADEMICS_PORT to one.")


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
