"""A real mail server on a free port of 127.0.0.1 that keeps what it is sent."""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.server import free_port

PATIENCE = 30  # seconds


class Sink:
    """`refusing`: answers that it takes no mail; `delay`: how many seconds it takes to answer."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refusing = False
        self.delay = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd's)
        if self.refusing:
            return "451 Try again later"
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        await asyncio.sleep(self.delay)
        return "250 OK"

    def last_to(self, address: str) -> Message:
        """Wait for one if there is none yet: a worker sends them."""
        deadline = time.monotonic() + PATIENCE
        while address not in [message["To"] for message in self.messages] and time.monotonic() < deadline:
            time.sleep(0.1)
        return [message for message in self.messages if message["To"] == address][-1]

    def link_to(self, address: str) -> str:
        """The path of the last link mailed to an address."""
        return re.findall(r"https?://[^/\s]+(/\S+)", self.last_to(address).get_content())[-1]


@contextmanager
def mail_sink() -> Iterator[tuple[Sink, str]]:
    """The sink, and the EMAIL_URL that leads there."""
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield sink, f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()
