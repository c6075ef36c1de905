"""The command `smi`, called in this process, logged in at a server that follows a script."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from smi import download, portal
from smi.cli import main
from tests.client.unruly import TOKEN, Unruly, unruly


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
