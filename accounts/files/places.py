"""Places for downloads, counted over all processes, so that pages stay quick however many downloads there are.

A place is taken in the transaction of the request, so a failure before the first byte gives it back.
"""

import os
import socket
import time
from pathlib import Path

from django.conf import settings
from django.db import Error, connection

from accounts.errors import Busy
from accounts.models import RunningDownload
from accounts.waits import elsewhere

RETRY_SECONDS = 30
OF_ONE_SUBJECT = 2
# Half of a machine's threads serve downloads, and at most three quarters of those of one process.
OF_ONE_MACHINE = max(1, settings.WEB_PROCESSES * settings.WEB_THREADS // 2)
OF_ONE_PROCESS = max(1, settings.WEB_THREADS * 3 // 4)
SIGN_OF_LIFE = 15  # seconds

# Held for the rest of a short transaction, so that no two take the last place.
TURN = "SELECT pg_advisory_xact_lock(hashtext('places for downloads'))"
FORGET_LOST = "DELETE FROM accounts_runningdownload WHERE seen_at < clock_timestamp() - make_interval(secs => %s)"
OF_THIS_MACHINE = "SELECT DISTINCT process FROM accounts_runningdownload WHERE host = %s"
FORGET_DEAD = "DELETE FROM accounts_runningdownload WHERE host = %s AND process = ANY (%s)"
TAKEN = """
SELECT count(*) FILTER (WHERE subject = %(subject)s),
       count(*) FILTER (WHERE host = %(host)s),
       count(*) FILTER (WHERE host = %(host)s AND process = %(process)s)
FROM accounts_runningdownload
"""
TAKE = """
INSERT INTO accounts_runningdownload (host, process, subject) VALUES (%(host)s, %(process)s, %(subject)s) RETURNING id
"""
SEEN = "UPDATE accounts_runningdownload SET seen_at = clock_timestamp() WHERE id = %s"
GIVE_BACK = "DELETE FROM accounts_runningdownload WHERE id = %s"

ALL_TAKEN = f"Too many downloads are running. Try again in {RETRY_SECONDS} seconds."
OWN_TAKEN = f"You already have {OF_ONE_SUBJECT} downloads running. Wait until one has finished, or cancel it."


class Place:
    """The place of one running download."""

    def __init__(self, number: int) -> None:
        self._number, self._seen = number, time.monotonic()

    def keep(self) -> None:
        """Give a sign of life; call it as often as you like, it is written every few seconds."""
        if time.monotonic() - self._seen >= SIGN_OF_LIFE:
            self._seen = time.monotonic()
            elsewhere(lambda: _write(SEEN, self._number))

    def give_back(self) -> None:
        try:
            _write(GIVE_BACK, self._number)
        except Error:  # the connection of the file is lost
            elsewhere(lambda: _write(GIVE_BACK, self._number))


def take_place(subject: str) -> Place:
    """Take a place for `subject`, a person or a token; raise Busy if there is none for it."""
    who = {"subject": subject, "host": socket.gethostname(), "process": os.getpid()}
    with connection.cursor() as cursor:
        cursor.execute(TURN)
        cursor.execute(FORGET_LOST, [RunningDownload.LOST_AFTER])
        cursor.execute(OF_THIS_MACHINE, [who["host"]])
        if dead := [process for (process,) in cursor if not Path(f"/proc/{process}").exists()]:
            cursor.execute(FORGET_DEAD, [who["host"], dead])
        cursor.execute(TAKEN, who)
        own, of_machine, of_process = cursor.fetchone()
        if own >= OF_ONE_SUBJECT:
            raise Busy(OWN_TAKEN, RETRY_SECONDS)
        if of_machine >= OF_ONE_MACHINE or of_process >= OF_ONE_PROCESS:
            raise Busy(ALL_TAKEN, RETRY_SECONDS)
        cursor.execute(TAKE, who)
        return Place(cursor.fetchone()[0])


def _write(statement: str, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [number])
