"""What is sent again, when, and what never is."""

import pytest

from tests.client.unruly import HTML, LOST, Answer, busy

OWN = Answer({"own": {"organisation": "Zephyr Energy", "role": "Supplier", "job": "Editor"}, "permissions": []})
DEVICE = "00-DB-12-34-56-78-90-A0"
RECORDED = Answer({"devices": [{"device_id": DEVICE, "version": 4}]})


@pytest.mark.parametrize(("status", "seconds"), [(429, 1), (503, 0)])
def test_busy_portal_is_asked_again_after_the_time_it_names(server, smi, status, seconds):
    server.will("GET rights/", busy(seconds, status), OWN)

    ended = smi("whoami")

    assert ended.code == 0
    assert ended.err == f"The portal is busy; trying again in {seconds} s.\n"


def test_busy_portal_is_asked_again_three_times_at_most(server, smi):
    server.will("GET rights/", busy(0))

    ended = smi("whoami")

    assert ended.code == 1
    assert ended.err.endswith("Too many requests.\nReference: r-1\n")
    assert len(server.heard) == 4


@pytest.mark.parametrize("asked", [61, "Wed, 21 Oct 2099 07:28:00 GMT", "soon", ""])
def test_wait_of_more_than_a_minute_or_of_unknown_length_is_left_to_the_user(server, smi, asked):
    server.will("GET rights/", busy(asked))

    assert smi("whoami").code == 1
    assert len(server.heard) == 1


def test_moment_to_come_back_that_has_passed_is_now(server, smi):
    server.will("GET rights/", busy("Wed, 21 Oct 2015 07:28:00 GMT"), OWN)

    assert smi("whoami").code == 0


def test_busy_page_of_a_proxy_is_waited_for_too(server, smi):
    server.will("GET rights/", Answer(HTML.body, 503, "text/html", {"Retry-After": "0"}), OWN)

    assert smi("whoami").code == 0


def test_lost_reading_is_sent_again(server, smi):
    server.will("GET rights/", LOST, LOST, OWN)

    assert smi("whoami").code == 0


def test_portal_that_is_never_reached_is_said_in_a_sentence(server, smi):
    server.will("GET rights/", LOST)

    ended = smi("whoami")

    assert ended.code == 3
    assert f"{server.api}rights/ was not reached" in ended.err
    assert len(server.heard) == 3


def test_lost_change_is_not_sent_again(server, smi):
    server.will(f"PATCH devices/{DEVICE}/", LOST)

    ended = smi("device", "set", DEVICE, "--msn", "Z21E 10447", "--version", "3")

    assert ended.code == 3
    assert "Whether the change was recorded is not known" in ended.err
    assert len(server.heard) == 1


def test_lost_batch_is_sent_again_under_the_same_key(server, smi, tmp_path):
    (tmp_path / "devices.csv").write_text(f"device_id,version,msn\n{DEVICE},3,Z21E 10447\n")
    server.will("POST devices/batch/", LOST, RECORDED)

    ended = smi("device", "batch", "devices.csv")
    smi("device", "batch", "devices.csv")
    first, second, another_run = server.headers_heard("Idempotency-Key")

    assert ended[:2] == (0, "1 device recorded.\n")
    assert len(first) == 64
    assert first == second == another_run


def test_another_batch_has_another_key(server, smi, tmp_path):
    server.will("POST devices/batch/", RECORDED)
    for version in ("3", "4"):
        (tmp_path / "devices.csv").write_text(f"device_id,version,msn\n{DEVICE},{version},Z21E 10447\n")
        smi("device", "batch", "devices.csv")

    assert len(set(server.headers_heard("Idempotency-Key"))) == 2
