"""Emails as jobs: queued with what they tell of, sent by the worker, tried again, and listed if they cannot be sent."""

import json
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.conf import settings as site
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.actions.invitations import make_link
from accounts.mail import KINDS, queue_mail
from accounts.models import Invitation, Proposal
from accounts.roles import Job
from accounts.smtp import EmailBackend
from tests.accounts.oversight_help import mail_server, no_mail_server
from tests.accounts.test_audit_worker import environment
from tests.conftest import Browser
from tests.factories import make_invitation, make_membership, make_unsent_email, make_user
from tests.mail_sink import mail_sink
from tests.queued_mail import make_due, send_queued
from tests.scopes import as_operator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
EMAILS = "/organisations/emails/"


@pytest.fixture
def admin(dcc) -> Browser:
    return Browser(make_membership(dcc, Job.ADMINISTRATOR))


def failed() -> list[str]:
    return [job.args["kind"] for job in ProcrastinateJob.objects.filter(status="failed")]


def test_nothing_is_mailed_about_what_was_rolled_back():
    user = make_user()
    with transaction.atomic():
        queue_mail("factors_reset", to=user.pk)
        transaction.set_rollback(True)

    send_queued()

    assert mail.outbox == []
    assert not ProcrastinateJob.objects.exists()


def test_job_holds_neither_address_nor_name_nor_secret(supplier, settings):
    user = make_membership(supplier, user=make_user(email="ada@demo.example")).user
    with no_mail_server():
        Client().post("/accounts/password/reset/", {"email": user.email})
        Client().post("/accounts/password/reset/", {"email": "nobody@demo.example"})
        queue_mail("invitation", invitation=make_invitation(supplier).pk)

    queued = json.dumps(list(ProcrastinateJob.objects.values_list("args", flat=True)))
    assert ProcrastinateJob.objects.count() == 3
    assert "@" not in queued
    assert "nobody" not in queued
    assert user.name not in queued


def test_kind_that_is_not_known_is_refused_at_once():
    with pytest.raises(KeyError):
        queue_mail("nonsense", to=1)


def test_link_sent_twice_is_the_same_and_its_secret_is_not_kept(supplier):
    invitation = make_invitation(supplier)

    (_, first), (found, second) = make_link(invitation.pk), make_link(invitation.pk)

    assert first == second
    assert found.secret_hash not in first
    assert Client().get(first.removeprefix(site.PORTAL_URL)).status_code == 200


def test_attempts_go_on_for_about_a_day_and_then_end():
    queue_mail("factors_reset", to=make_user().pk)

    with no_mail_server():
        for _ in range(11):
            assert not failed()
            make_due()
            send_queued()

    assert failed() == ["factors_reset"]


def test_recipient_refused_for_good_is_not_tried_again():
    queue_mail("factors_reset", to=make_user().pk)

    with mail_server("550 no such mailbox"):
        send_queued()

    assert failed() == ["factors_reset"]


def test_server_that_refuses_for_now_is_tried_again():
    queue_mail("factors_reset", to=make_user().pk)
    with mail_server("450 come again later"):
        send_queued()
    assert not failed()

    make_due()
    send_queued()

    assert len(mail.outbox) == 1


def test_address_without_an_account_that_refuses_is_forgotten(client):
    with mail_server("550 no such mailbox"):
        client.post("/accounts/password/reset/", {"email": "nobody@demo.example"})

    assert not ProcrastinateJob.objects.exists()


def test_dcc_sees_recipient_kind_and_when(admin):
    make_unsent_email(make_user(email="ada@demo.example"))

    html = admin.get(EMAILS).text

    assert "ada@demo.example" in html
    assert "Second factors reset" in html


def test_page_says_that_there_is_none(admin):
    assert "There are no unsent emails." in admin.get(EMAILS).text


@pytest.mark.parametrize(
    "args",
    [
        '{"kind": "factors_reset", "ids": {"to": 0}}',
        '{"kind": "factors_reset", "ids": {"to": "x"}}',
        '{"kind": "factors_reset", "ids": {"to": 1000000000000000000000}}',
        '{"kind": "factors_reset", "ids": []}',
        '{"kind": "factors_reset"}',
        '{"kind": "invitation", "ids": {"evil": 1}}',
    ],
)
def test_recipient_who_is_not_known_does_not_break_the_page(admin, supplier, args):
    """Nor does a job that the portal has not made."""
    make_unsent_email()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET args = %s", [args])

    assert "Not known" in admin.get(EMAILS).text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_label(kind):
    assert KINDS[kind].label


def test_email_is_tried_again_by_a_button(admin):
    user = make_user()
    job = make_unsent_email(user)

    answer = admin.submit(f"{EMAILS}{job}/send/", follow=True)

    assert "We will try to send the email again now." in answer.text
    make_due()
    send_queued()
    assert mail.outbox[-1].to == [user.email]
    assert admin.submit(f"{EMAILS}{job}/send/").status_code == 404


def test_appointment_is_approved_while_the_mail_server_is_away(dcc, supplier, admin):
    other = Browser(make_membership(dcc, Job.ADMINISTRATOR))
    whom = {"email": "nadia@demo.example", "name": "Nadia Okafor"}
    with no_mail_server():
        admin.submit(f"/organisations/{supplier.pk}/appoint/", whom)
        path = f"/organisations/proposals/{Proposal.objects.get().pk}/"
        answer = other.submit(path, {"decision": "approved"}, follow=True)

    assert Invitation.objects.count() == 1
    assert "We will email the invitation to nadia@demo.example" in answer.text


# With a worker of its own


def worker(url: str) -> subprocess.Popen:
    command = [sys.executable, "manage.py", "procrastinate", "worker"]
    given = environment(EMAIL_URL=url)
    return subprocess.Popen(command, cwd=site.BASE_DIR, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(happened: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_email_arrives_though_the_worker_is_killed_while_it_is_sent():
    """The server has kept it, and the worker is killed before it hears so: the second is known for the same email.

    A worker must be silent for half a minute before another takes its jobs up: here its heartbeat is put back.
    """
    with as_operator():
        user = make_user(email="ada@demo.example")
        queue_mail("factors_reset", to=user.pk)
    with mail_sink() as (sink, url):
        sink.delay = 60
        first = worker(url)
        try:
            wait_for(lambda: sink.messages)
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
        sink.delay = 0
        assert ProcrastinateJob.objects.get(queue_name="mail").status == "doing"
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
            cursor.execute("DELETE FROM procrastinate_periodic_defers")
        second = worker(url)
        try:
            wait_for(lambda: len(sink.messages) == 2)
            wait_for(lambda: not ProcrastinateJob.objects.filter(queue_name="mail").exists())
        finally:
            second.terminate()
            second.wait(timeout=20)
    assert len(sink.messages) == 2
    assert len({message["Message-ID"] for message in sink.messages}) == 1


@contextmanager
def dripping_server(first: bytes) -> Iterator[int]:
    """It says `first` at once, and then a letter each moment, for ever."""
    over = threading.Event()

    def serve() -> None:
        sock, _ = listener.accept()
        with sock, suppress(OSError):
            sock.sendall(first)
            while not over.wait(0.1):
                sock.sendall(b"2")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join(10)


@pytest.mark.parametrize("first", [b"", b"220 mail.example\r\n"])
@pytest.mark.parametrize("tls", [False, True])
def test_mail_server_that_drips_is_left_at_the_deadline(settings, first, tls):
    settings.EMAIL_SECONDS = 1
    with dripping_server(first) as port:
        backend = EmailBackend("127.0.0.1", port, use_tls=False, use_ssl=tls, username="", password="")
        began = time.monotonic()
        with pytest.raises((OSError, smtplib.SMTPException)):
            backend.send_messages([EmailMessage("A subject", "A text", to=["ada@zephyr.example"])])

    assert time.monotonic() - began < 3
