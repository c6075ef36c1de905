"""A long answer on a real connection: bounded in number and time, and never ended as if it were whole."""

import re
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from accounts.files.places import Place, take_place
from accounts.limits import subject_of

CSV = "text/csv; charset=utf-8"


class TooSlow(ConnectionResetError):
    """The client takes the file so slowly that it keeps a place from others."""


class Stream:
    """Iterates over `chunks`; resets the connection when they fail, and gives its place back when it ends.

    Calls `active` with each chunk, and at the end: the person who waits for the file is not idle.
    """

    def __init__(
        self, chunks: Iterator[bytes], client: socket.socket | None, place: Place, active: Callable[[], None]
    ) -> None:
        self._chunks, self._client, self._place, self._active = chunks, client, place, active
        self._open, self._sent, self._waited, self._handed_over = True, 0, 0.0, 0.0
        if client:
            client.settimeout(settings.STREAM_TIMEOUT)

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        self._place.keep()
        self._active()
        try:
            self._check_pace()
            chunk = next(self._chunks)
        except StopIteration:
            self._end()
            raise
        except BaseException:
            self._reset()
            raise
        self._sent, self._handed_over = self._sent + len(chunk), time.monotonic()
        return chunk

    def close(self) -> None:
        if self._open:  # before the end of the file: the client has gone, or takes nothing
            self._reset()
        self._end()
        if self._client:
            with suppress(OSError):  # closed already
                self._client.settimeout(None)

    def _check_pace(self) -> None:
        """Only the time that the client takes counts, not that of the database."""
        if self._handed_over:
            self._waited += time.monotonic() - self._handed_over
        if self._waited > settings.STREAM_TIMEOUT and self._sent < self._waited * settings.STREAM_FLOOR:
            self._chunks.close()
            raise TooSlow

    def _end(self) -> None:
        if self._open:
            self._open = False
            try:
                self._chunks.close()  # first: until then the connection is busy with it
            finally:
                self._place.give_back()
                self._active()

    def _reset(self) -> None:
        """End the connection by a reset: an ordinary end would make half a file look whole to an HTTP/1.0 client."""
        if self._client:
            with suppress(OSError):  # closed already
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._client.close()


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, compressed as they pass."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            if packed := packer.compress(chunk):
                yield packed
    finally:
        chunks.close()
    yield packer.flush()


def accepts_gzip(request: HttpRequest) -> bool:
    offers = request.headers.get("Accept-Encoding", "")
    return bool(re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))", offers))


def csv_answer(request: HttpRequest, name: str, begin: Callable[[], Iterator[bytes]]) -> HttpResponse:
    """A CSV download named `name` of what `begin` gives; HEAD gets the headers alone, and nothing is begun.

    Raises Busy when all places for downloads are taken.
    """
    packed = accepts_gzip(request)
    if request.method == "HEAD":
        # A stream of nothing, as an ordinary answer would claim that the file has no bytes.
        return _with_headers(StreamingHttpResponse((), content_type=CSV), name, packed)
    place, chunks = take_place(subject_of(request.acting)), begin()
    client = request.META.get("gunicorn.socket")
    stream = Stream(gzipped(chunks) if packed else chunks, client, place, request.note_activity)
    return _with_headers(StreamingHttpResponse(stream, content_type=CSV), name, packed)


def _with_headers(answer: HttpResponse, name: str, packed: bool) -> HttpResponse:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept-Encoding"
    if packed:
        answer.headers["Content-Encoding"] = "gzip"
    return answer
