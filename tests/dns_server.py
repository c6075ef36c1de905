"""A real DNS server on 127.0.0.1 that answers questions for TXT records, as name servers do or should not do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT = "silent"


@dataclass
class NameServer:
    """`records`: texts by name. `says` is a response code for every question, or SILENT."""

    sock: socket.socket
    records: dict[str, list[str]] = field(default_factory=dict)
    says: int | str = dns.rcode.NOERROR
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return "{}:{}".format(*self.sock.getsockname())

    def serve(self) -> None:
        """Until it is sent nothing at all."""
        while True:
            question, client = self.sock.recvfrom(4096)
            if not question:
                return
            if answer := self._answer(question):
                self.sock.sendto(answer, client)

    def _answer(self, wire: bytes) -> bytes | None:
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.says == SILENT:
            return None
        answer = dns.message.make_response(question, recursion_available=True)
        answer.set_rcode(self.says)
        if self.says == dns.rcode.NOERROR:
            self._fill(answer, name)
        return answer.to_wire()

    def _fill(self, answer: dns.message.Message, name: str) -> None:
        if name not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := self.records[name]:
            answer.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", dns.rdatatype.TXT, texts))


@contextmanager
def running_name_server() -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        server = NameServer(sock)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            sock.sendto(b"", sock.getsockname())
            thread.join()
