"""Downloads: limited in number and time, and reset if they fail, so that part of a file never looks complete."""

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
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class TooSlow(ConnectionResetError):
    """The client is so slow that it keeps a place from others."""


class Stream:
    """Iterates over `chunks`; resets the connection if they fail, and gives its place back at the end.

    Calls `active` with each chunk and at the end, because a person who waits for a file is not idle.
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
        """Raise TooSlow if the client is too slow; the time that the database takes does not count."""
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
        """Reset the connection: an ordinary end would make half a file look complete to an HTTP/1.0 client."""
        if self._client:
            with suppress(OSError):  # closed already
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._client.close()


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes, compressed on the way."""
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


def file_answer(
    request: HttpRequest, name: str, begin: Callable[[], Iterator[bytes]], media_type: str = CSV
) -> HttpResponse:
    """Return a download named `name` of what `begin` yields; HEAD gets only the headers, and begins nothing.

    Raises Busy if all places for downloads are taken.
    """
    packed = media_type == CSV and accepts_gzip(request)
    if request.method == "HEAD":
        # An empty stream, because an ordinary answer would claim that the file has no bytes.
        return _with_headers(StreamingHttpResponse((), content_type=media_type), name, packed)
    place, chunks = take_place(subject_of(request.acting)), begin()
    client = request.META.get("gunicorn.socket")
    stream = Stream(gzipped(chunks) if packed else chunks, client, place, request.note_activity)
    return _with_headers(StreamingHttpResponse(stream, content_type=media_type), name, packed)


def _with_headers(answer: HttpResponse, name: str, packed: bool) -> HttpResponse:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept-Encoding"
    if packed:
        answer.headers["Content-Encoding"] = "gzip"
    return answer
