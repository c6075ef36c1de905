"""One save on the page of a device, beside the same by PATCH."""

import re
from itertools import cycle
from urllib.parse import urlencode

from accounts.actions import add_member
from accounts.models import Organisation
from accounts.operator import system_scope
from accounts.roles import Job
from bench.api import TIMES, meters
from bench.database import PASSWORD
from bench.measure import Outcome, compare, in_turn
from bench.systems import UNLIMITED, System, secret_of
from tests.server import Visitor, running

NAME = "One save"
EDITOR = "editor@demo.example"
ROUNDS = 9


def run() -> list[Outcome]:
    with system_scope("bench"):
        member = {"email": EDITOR, "name": "Editor", "job": Job.EDITOR, "password": PASSWORD}
        add_member(organisation=Organisation.objects.get(name="DCC"), **member)
    with running(WEB_CONCURRENCY="1", **UNLIMITED) as server:
        system, editor = System(server.url, secret_of("DCC")), Editor(Visitor(server).sign_in(EDITOR))
        by_patch, by_page = cycle(meters(2 * TIMES)[::2]), cycle(meters(2 * TIMES)[1::2])
        for device_id in meters(2 * TIMES):
            system.look_up(device_id)
        ways = {
            "PATCH of its MSN": lambda: system.correct(next(by_patch)),
            "the same on its page": lambda: editor.correct(next(by_page), system),
        }
        patch, page = in_turn(NAME, ways, ROUNDS, TIMES).values()
    return [patch, compare(page, patch)]


class Editor:
    """Confirms corrections of MSNs in a browser's session; the device's page is read after each."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    def correct(self, device_id: str, system: System) -> None:
        path = f"/devices/{device_id}/edit/"
        with self.visitor.get(path) as answer:
            page = answer.read().decode()
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        names = ("csrfmiddlewaretoken", "acting", "version")
        form = {name: hidden[name] for name in names} | system.correction()
        with self.visitor.opener.open(f"{self.visitor.server.url}{path}confirm/", urlencode(form).encode()) as answer:
            if b"MSN saved" not in answer.read():
                raise RuntimeError(f"{device_id} was not saved")
