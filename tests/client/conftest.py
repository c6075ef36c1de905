"""The command `smi`, called in this process: at a server that follows a script, and at the portal itself."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from accounts.models import Organisation
from accounts.roles import Job
from smi import download, portal
from smi.cli import main
from tests.client.unruly import TOKEN, Unruly, unruly
from tests.factories import make_token
from tests.server import Server, running


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Unruly]:
    """Where `smi` is logged in; it works in an empty folder and does not wait long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(portal, "PAUSES", (0, 0))
    monkeypatch.setattr(download, "POLLS", (0, 0))
    with unruly() as running:
        monkeypatch.setenv("SMI_URL", running.url)
        monkeypatch.setenv("SMI_TOKEN", TOKEN)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        yield running


@pytest.fixture
def smi(server: Unruly, capsys: pytest.CaptureFixture) -> Callable[..., Ended]:
    """`smi("device", "list")`: the exit code, and what stands on standard output and standard error."""

    def call(*arguments: str) -> Ended:
        code = main(arguments)
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def real_portal(django_db_setup: None) -> Iterator[Server]:
    """The portal as it is really served, one for all tests of a module: each of them empties the database."""
    with running() as server:
        yield server


@pytest.fixture
def smi_of(
    real_portal: Server, monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture
) -> Callable[..., Callable[..., Ended]]:
    """`smi_of(organisation, job)`: the command, in an empty folder, with a token of its own for the portal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def of(organisation: Organisation, job: Job = Job.EDITOR, url: str = real_portal.url) -> Callable[..., Ended]:
        token = make_token(organisation, job)

        def call(*arguments: str) -> Ended:
            monkeypatch.setenv("SMI_URL", url)
            monkeypatch.setenv("SMI_TOKEN", token.secret)
            code = main(arguments)
            return Ended(code, *capsys.readouterr())

        return call

    return of
