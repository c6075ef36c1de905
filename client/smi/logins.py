"""Which portal, and with which token: from the environment, else as `smi login` has stored it."""

import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from smi.errors import Misused

TOKEN = re.compile(r"smi_[A-Za-z0-9_-]{43}[0-9a-f]{8}")
THIS_MACHINE = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Login:
    url: str
    token: str

    def __post_init__(self) -> None:
        check_url(self.url)
        if not TOKEN.fullmatch(self.token):
            raise Misused("This is not a token of the portal. Tokens begin with smi_ and have 55 characters.")


def check_url(text: str) -> None:
    """Raises Misused for an address to which no token may go."""
    url = parsed(text)
    if url.scheme != "https" and not (url.scheme == "http" and url.host in THIS_MACHINE):
        raise Misused(f"The address of the portal must begin with https:// ({text} does not).")
    if not url.host or url.userinfo or url.query or url.fragment:
        raise Misused(f"Give the address of the portal alone, such as https://portal.example, not {text}.")


def parsed(text: str) -> httpx.URL:
    try:
        return httpx.URL(text)
    except httpx.InvalidURL as error:
        raise Misused(f"{text} is not an address.") from error


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: who is trusted with the token."""
    return url.scheme, url.host, url.port


def current() -> Login:
    """The login that counts now; raises Misused if there is none, or if a stored token would go to another portal."""
    url, token = os.environ.get("SMI_URL", "").strip(), os.environ.get("SMI_TOKEN", "").strip()
    if url and token:
        return Login(cleaned(url), token.strip())
    stored = load()
    if url and origin(parsed(url)) != origin(parsed(stored.url)):
        raise Misused("The stored token is for another portal than SMI_URL. Set SMI_TOKEN as well.")
    return Login(cleaned(url or stored.url), (token or stored.token).strip())


def cleaned(url: str) -> str:
    """Return the address of a portal as it is pasted: white space, and the path of its API, are left out."""
    return re.sub(r"/+(api(/v1)?/*)?$", "", url.strip())


def config_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "smi" / "config.json"


def load() -> Login:
    try:
        stored = json.loads(config_file().read_text(encoding="utf-8"))
        return Login(str(stored["url"]), str(stored["token"]))
    except FileNotFoundError as error:
        raise Misused("You are not logged in: use smi login, or set SMI_URL and SMI_TOKEN.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Misused(f"{config_file()} is damaged: use smi login again.") from error


def store(login: Login) -> None:
    """Keep `login` for later commands, in a file that nobody else can read at any moment."""
    folder = config_file().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as fresh:  # made with mode 0600
        json.dump(asdict(login), fresh)
    Path(fresh.name).replace(config_file())


def forget() -> bool:
    """Whether there was something to forget."""
    known = config_file().exists()
    config_file().unlink(missing_ok=True)
    return known
