"""A download is activity of its session while it runs and when it ends, and brings no session back."""

import threading
from datetime import timedelta

import pytest
from django.db import Error

from accounts.files.places import take_place
from accounts.files.streams import Stream
from accounts.models import Session
from accounts.sign_in import timeouts
from tests.accounts.session_help import HOUR, MINUTE, age, idle_for
from tests.factories import make_device

# It is noted on a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def noted_always(monkeypatch) -> None:
    """As if a minute had passed with each chunk."""
    monkeypatch.setattr(timeouts, "every", lambda: timedelta(0))


@pytest.fixture
def download(supplier, sign_in):
    """A download that has begun: its browser, and its answer."""
    make_device("ZEPH")
    browser = sign_in(supplier)
    answer = browser.get("/devices/download/")
    yield browser, answer
    answer.close()


def test_download_that_runs_counts(operator, download, noted_always):
    browser, answer = download
    age(browser, idle=20 * MINUTE)

    next(iter(answer.streaming_content))

    assert idle_for(browser) < 5


def test_end_of_a_download_counts():
    calls = []
    chunks = (chunk for chunk in (b"a", b"b"))
    long_answer = Stream(chunks, None, take_place("person:0"), lambda: calls.append("active"))
    assert [next(long_answer), next(long_answer)] == [b"a", b"b"]
    calls.clear()

    long_answer.close()
    long_answer.close()

    assert calls == ["active"]


def test_short_download_writes_nothing_more(download, monkeypatch):
    _, answer = download
    monkeypatch.setattr(timeouts, "touch", lambda key: pytest.fail("written within the minute"))

    assert b"".join(answer.streaming_content)


def test_download_does_not_bring_back_a_session_that_was_signed_out(operator, download, noted_always):
    browser, answer = download
    browser.post("/accounts/logout/")
    left = Session.objects.count()

    list(answer.streaming_content)

    assert Session.objects.count() == left
    assert browser.get("/devices/").status_code == 302


def test_download_does_not_bring_back_a_session_whose_time_is_up(operator, download, noted_always):
    browser, answer = download
    age(browser, idle=HOUR)

    list(answer.streaming_content)

    assert idle_for(browser) > 59 * MINUTE
    assert browser.get("/devices/").status_code == 302


def test_download_goes_on_where_activity_cannot_be_noted(download, noted_always, monkeypatch):
    _, answer = download

    def fail(key: str) -> None:
        assert threading.current_thread() is not threading.main_thread()
        raise Error("no connection")

    monkeypatch.setattr(timeouts, "touch", fail)

    assert b"".join(answer.streaming_content).startswith(b"device_id")
