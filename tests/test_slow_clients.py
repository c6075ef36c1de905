"""Clients that send slowly, half, or never read: whatever they do, others are answered."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.conf import settings

from smi_portal.whole_requests import MOST_BODY
from tests.server import Server, running

CLIENTS = 24
REQUEST_SECONDS = 3
POST = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
GET = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALVES = {
    "one byte": (b"G", b""),
    "a header that does not end": (GET + b"X-Slow: ", b"a"),
    "a body that does not come": (POST + b"Content-Length: 10000\r\n\r\na", b"b"),
    "a chunk that does not come": (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", b""),
    "a body too long to be read": (GET + f"Content-Length: {MOST_BODY + 1}\r\n\r\na".encode(), b"b"),
    "nothing at all": (b"", b""),
    "many requests whose answers are not read": (200 * (GET + b"\r\n"), b""),
    "an answer after which the client does not leave": (GET + b"Connection: close\r\n\r\n", b""),
}


@pytest.fixture(scope="module")
def portal(django_db_setup) -> Iterator[Server]:
    with running(WEB_CONCURRENCY="1", WEB_THREADS="4", REQUEST_SECONDS=str(REQUEST_SECONDS)) as server:
        yield server


@contextmanager
def clients(portal: Server, first: bytes, count: int = CLIENTS) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", portal.port), 10)) for _ in range(count)]
        for client in opened:
            client.sendall(first)
        yield opened


def ask(portal: Server, request: bytes) -> bytes:
    """What is answered, to its end."""
    with clients(portal, request, count=1) as (client,):
        return rest(client)


def rest(client: socket.socket) -> bytes:
    answer = b""
    while data := client.recv(65536):
        answer += data
    return answer


@pytest.mark.parametrize("half", HALVES)
def test_others_are_answered_meanwhile(portal, half):
    first, drip = HALVES[half]
    with clients(portal, first) as opened:
        for path in ("/health/live", "/accounts/login/", "/health/live"):
            began = time.monotonic()
            answer = ask(portal, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 200 OK"), path
            assert time.monotonic() - began < 2, path
            for client in opened:
                client.sendall(drip)


@pytest.mark.parametrize("half", ["one byte", "a header that does not end", "a body that does not come"])
def test_request_that_does_not_come_in_time_is_ended(portal, half):
    with clients(portal, HALVES[half][0], count=1) as (client,):
        began = time.monotonic()

        assert rest(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert REQUEST_SECONDS <= time.monotonic() - began < REQUEST_SECONDS + 4  # a second for 10,000 bytes of a body


def test_request_is_served_however_it_is_cut(portal):
    body = b"login=nobody%40demo.example&password=wrong"
    whole = POST + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    for size in (1, 7, len(whole)):
        with clients(portal, b"", count=1) as (client,):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(whole), size):
                client.sendall(whole[at : at + size])

            assert rest(client).startswith(b"HTTP/1.1 403 Forbidden\r\n"), (
                size
            )  # by the page for a form without a token


def test_requests_that_come_together_are_each_answered(portal):
    asked = 3 * b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

    assert ask(portal, asked + last).count(b"HTTP/1.1 200 OK") == 4


def test_body_in_chunks_is_taken_to_its_end(portal):
    chunks = b"5\r\nlogin\r\n3;name=value\r\n=me\r\n0\r\nX-Trailer: one\r\n\r\n"
    asked = POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks

    answer = ask(portal, asked + b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")

    assert [line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/1.1 ")] == [b"403", b"200"]


def test_client_that_asks_before_its_body_is_told_to_go_on(portal):
    with clients(portal, POST + b"Content-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", 1) as (
        client,
    ):
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"a=bc")

        assert rest(client).startswith(b"HTTP/1.1 403 ")


def test_headers_without_measure_are_refused(portal):
    answer = ask(portal, GET + b"X-Long: " + 70_000 * b"a")

    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_longest_body_that_is_read_is_the_longest_the_portal_takes():
    assert MOST_BODY == settings.DATA_UPLOAD_MAX_MEMORY_SIZE


# A process that is interrupted again while its thread pool ends; that holds a lock then, which no second time gets.
INTERRUPTED_TWICE = """
import os, signal, time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from smi_portal.whole_requests import Worker

class Interrupted(ThreadPoolExecutor):
    def shutdown(self, wait=True):
        with self._shutdown_lock:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

worker = object.__new__(Worker)
worker.tpool, worker.cfg = Interrupted(), SimpleNamespace(worker_int=lambda worker: None)
signal.signal(signal.SIGINT, worker.handle_quit)
os.kill(os.getpid(), signal.SIGINT)
"""


def test_process_that_is_interrupted_twice_ends():
    """As by Ctrl-C: by the terminal, and by the server's master."""
    subprocess.run([sys.executable, "-c", INTERRUPTED_TWICE], cwd=settings.BASE_DIR, check=True, timeout=10)
