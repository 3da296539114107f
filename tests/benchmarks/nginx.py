"""The web server that our transfers are held against, nginx over TLS 1.3, with curl, which writes to disk."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tests.guarded import GuardedProcess, free_port
from tests.waiting import wait_until

TOOLS = ("nginx", "curl", "openssl")
_SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

_CONFIGURATION = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    sendfile on;
    default_type application/octet-stream;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_protocols TLSv1.3;
        root "{root}";
    }}
}}
"""


def tool(name: str) -> str:
    """Where a program is. Ends the benchmark with one line where it is missing."""
    found = shutil.which(name, path=_SYSTEM_PATH)
    if found is None:
        raise SystemExit(f"{name} is missing: this benchmark needs {', '.join(TOOLS)}.")
    return found


class Nginx:
    """A server of the files in `root`, whose own are in `folder`, for as long as its context lasts."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.port = free_port()
        certificate = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=academics -days 2"
        files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
        subprocess.run([tool("openssl"), *certificate.split(), *files], check=True, capture_output=True)
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=self.port, root=root, user=user))
        self._process = GuardedProcess([tool("nginx"), "-p", str(folder), "-c", str(configuration)])
        wait_until(self._listens, what="nginx")

    def fetch_s(self, name: str, target: Path) -> tuple[float, float]:
        """How long curl takes to fetch a file over one connection, and with the file synced as well."""
        url = f"https://127.0.0.1:{self.port}/{quote(name)}"
        command = [tool("curl"), "--silent", "--show-error", "--fail", "--insecure", "--tlsv1.3"]
        begun_s = time.perf_counter()
        subprocess.run([*command, "--output", target, url], check=True)
        fetched_s = time.perf_counter() - begun_s
        with target.open("rb") as file:
            os.fsync(file.fileno())
        return fetched_s, time.perf_counter() - begun_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()

    def _listens(self) -> bool:
        assert self._process.is_alive, f"nginx ended:\n{self._process.log()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
