"""Sending emails, with one deadline for the whole exchange: time-outs of sockets start again with each byte."""

import smtplib
import socket
import threading
from contextlib import suppress

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp


class EmailBackend(smtp.EmailBackend):
    """Django's, whose connection is shut down EMAIL_SECONDS after it was opened."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        bases = (smtplib.SMTP_SSL, _Watched) if self.use_ssl else (_Watched,)
        return type("WatchedConnection", bases, {"backend": self})

    def send_messages(self, email_messages: list[EmailMessage]) -> int:
        self._watched = list[socket.socket]()
        timer = threading.Timer(settings.EMAIL_SECONDS, self._shut_down)
        timer.start()
        try:
            return super().send_messages(email_messages)
        finally:
            timer.cancel()
            timer.join()
            while self._watched:
                self._watched.pop().close()

    def watch(self, sock: socket.socket) -> None:
        """By a handle of its own, as TLS takes the socket's away."""
        self._watched.append(sock.dup())

    def _shut_down(self) -> None:
        for sock in self._watched:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Watched(smtplib.SMTP):
    """A connection that is watched from before its first byte."""

    backend: EmailBackend

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = super()._get_socket(host, port, timeout)
        self.backend.watch(sock)
        return sock
