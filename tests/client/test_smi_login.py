"""The token is kept where nobody else reads it, and for one portal."""

import io
import json
import stat

import pytest

from tests.client.unruly import TOKEN, Answer, problem, unruly

OWN = Answer({"own": {"organisation": "Zephyr Energy", "role": "Supplier", "job": "Editor"}, "permissions": []})
OTHER_TOKEN = TOKEN.replace("A", "B")


@pytest.fixture
def log_in(server, smi, monkeypatch):
    """Logs in by a token from standard input, with nothing in the environment."""
    monkeypatch.delenv("SMI_URL")
    monkeypatch.delenv("SMI_TOKEN")
    server.will("GET rights/", OWN)

    def call(token=TOKEN):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
        return smi("login", "--url", f"{server.url}/")

    return call


def test_login_says_for_whom_and_keeps_the_token_for_its_owner_alone(log_in, server, tmp_path):
    ended = log_in()
    kept = tmp_path / "config" / "smi" / "config.json"

    assert ended == (0, f"Logged in at {server.url} for Zephyr Energy: Supplier, Editor.\n", "")
    assert json.loads(kept.read_text()) == {"url": server.url, "token": TOKEN}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["config.json"]


def test_login_after_a_file_that_others_could_read_closes_it(log_in, tmp_path):
    kept = tmp_path / "config" / "smi" / "config.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    kept.chmod(0o644)

    log_in()

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_token_that_the_portal_refuses_is_not_kept(log_in, server, tmp_path):
    server.will("GET rights/", problem(401, "Not signed in"))

    ended = log_in()

    assert ended.code == 1
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize("text", ["", "smart-metering-demo", TOKEN[:-1], f"{TOKEN}\rX-Header: 1", f"{TOKEN}é"])
def test_what_is_no_token_is_not_sent(log_in, server, text):
    ended = log_in(text)

    assert ended.code == 2
    assert "This is not a token of the portal" in ended.err
    assert server.heard == []


def test_stored_token_does_not_go_to_another_portal(log_in, smi, monkeypatch):
    log_in()
    with unruly() as stranger:
        monkeypatch.setenv("SMI_URL", stranger.url)

        ended = smi("whoami")

    assert ended.code == 2
    assert "Set SMI_TOKEN as well" in ended.err
    assert stranger.heard == []


def test_environment_overrides_what_is_stored(log_in, smi, server, monkeypatch):
    log_in()
    monkeypatch.setenv("SMI_TOKEN", OTHER_TOKEN)

    ended = smi("whoami")

    assert ended.code == 0
    assert server.headers_heard("Authorization")[-1] == f"Bearer {OTHER_TOKEN}"


def test_logout_forgets_and_says_what_to_do_next(log_in, smi, tmp_path):
    log_in()

    assert smi("logout").out.startswith("Logged out.")
    assert smi("logout").out == "You were not logged in.\n"
    assert smi("whoami") == (2, "", "You are not logged in: use smi login, or set SMI_URL and SMI_TOKEN.\n")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 1, "token": 2}'])
def test_damaged_file_is_a_sentence(log_in, smi, tmp_path, content):
    log_in()
    (tmp_path / "config" / "smi" / "config.json").write_text(content)

    ended = smi("whoami")

    assert ended.code == 2
    assert "Traceback" not in ended.err
