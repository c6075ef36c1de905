"""A real OpenID Connect provider in a process of its own, and somebody who signs in there."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from accounts.sign_in import provider_requests
from tests.server import ROOT, free_port

CLIENT_ID, SECRET, PASSWORD = "the-portal", "a secret of client and provider", "a word of the provider"
PEOPLE = ("ada@zephyr.example", "eve@zephyr.example", "bob@zodiac.example")
PLAIN: dict[str, object] = {"claims": {}, "metadata": {}}


@dataclass(frozen=True)
class Provider:
    url: str
    folder: Path

    def want(self, **changes: object) -> None:
        """`claims`: by person, or purpose and person, what it says instead; `metadata`: of itself."""
        provider_requests.kept.clear()  # as if some minutes had passed
        path = self.folder / "wanted.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def accept(self, *redirect_uris: str) -> None:
        """Send people back there."""
        with closing(sqlite3.connect(self.folder / "provider.sqlite3", timeout=10)) as database, database:
            database.execute("UPDATE allauth_idp_oidc_client SET redirect_uris = ?", ["\n".join(redirect_uris)])

    def sign_in(self, address: str, email: str = PEOPLE[0]) -> str:
        """Where the provider sends a person back to, who came to `address` and signed in there."""
        with requests.Session() as session:
            page = session.get(address, timeout=10)
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            form = {"login": email, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
            answer = session.post(page.url, form, timeout=10, allow_redirects=False)
            while (onward := answer.headers["Location"]).startswith(("/", self.url)):
                answer = session.get(requests.compat.urljoin(answer.url, onward), timeout=10, allow_redirects=False)
            return onward


@contextmanager
def running_provider(folder: Path) -> Iterator[Provider]:
    """Serves until the block ends; ended by its own process id."""
    port = free_port()
    provider = Provider(f"http://127.0.0.1:{port}", folder)
    given = {"client_id": CLIENT_ID, "secret": SECRET, "people": PEOPLE, "password": PASSWORD} | PLAIN
    (folder / "wanted.json").write_text(json.dumps(given))
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "tests.oidc_provider", str(port), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _wait(process, f"{provider.url}/.well-known/openid-configuration")
        yield provider
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(process: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the provider ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the provider did not become ready")
