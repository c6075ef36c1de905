"""The portal as it is really served: gunicorn in a process of its own, on a free port of 127.0.0.1."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from django.conf import settings
from django.db import connections

ROOT = Path(settings.BASE_DIR)
PASSWORD = "smart-metering-demo"


@dataclass(frozen=True)
class Server:
    port: int
    pid: int
    name: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.name}:{self.port}"


def database_url(alias: str = "default") -> str:
    """The database that this process uses, for another process."""
    given = connections[alias].settings_dict
    options = given["OPTIONS"]
    host, port = given["HOST"] or options["host"], given["PORT"] or options["port"]
    query = urlencode({"host": host, "port": port})
    return f"postgresql://{given['USER']}@/{given['NAME']}?{query}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def running(
    name: str = "127.0.0.1", *, log: int | BinaryIO = subprocess.DEVNULL, **environment: str | None
) -> Iterator[Server]:
    """Serves under a name until the block ends; the server is ended by its own process id.

    All that it and the processes beside it write goes into `log`. In the environment, None leaves a variable to its
    default.
    """
    port = free_port()
    given = {
        "DATABASE_URL": database_url(),
        "DATABASE_OWNER_URL": database_url("owner"),
        "SECRET_KEY": settings.SECRET_KEY,
        "PORTAL_URL": f"http://{name}:{port}",
        "PORT": str(port),
        "LOG_LEVEL": "ERROR",
        "MFA_REQUIRED": "false",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "16",
    }
    told = {variable: value for variable, value in (os.environ | given | environment).items() if value is not None}
    command = [sys.executable, "-m", "gunicorn"]
    process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=log, stderr=log)
    try:
        _wait_until_ready(process, f"http://{name}:{port}/health/ready")
        yield Server(port, process.pid, name)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(process: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server did not become ready")


class Visitor:
    """Somebody with a browser's cookies, over real HTTP."""

    def __init__(self, server: Server) -> None:
        self.server, self.cookies = server, CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str, **headers: str):
        return self.opener.open(urllib.request.Request(self.server.url + path, headers=headers), timeout=60)

    def sign_in(self, email: str) -> "Visitor":
        self.get("/accounts/login/").close()
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        form = urlencode({"login": email, "password": PASSWORD, "csrfmiddlewaretoken": token}).encode()
        self.opener.open(self.server.url + "/accounts/login/", form, timeout=60).close()
        if not any(cookie.name == "sessionid" for cookie in self.cookies):
            raise RuntimeError(f"{email} could not sign in")
        return self

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
