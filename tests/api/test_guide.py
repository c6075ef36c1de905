"""The guide is true: its examples are run, and its table of codes is that of the code."""

import json
import re
import shlex

import pytest
from django.conf import settings as project

from accounts.roles import Job
from smi.cli import parser
from smi_portal.refusals.table import PROBLEMS
from tests.api import codes
from tests.api.guide import DOTS, HOST, Asked, Told, as_pattern, blocks, difference, json_of, parsed
from tests.conftest import System
from tests.factories import MPANS, make_device, make_token, provided_by

pytestmark = pytest.mark.django_db

GUIDE = (project.BASE_DIR / "docs/api.md").read_text()
RUN = {"http", "curl"}
# Blocks that are no request, and why.
NOT_RUN = {"text": "the form of a token", "sh": "commands of the shell; those of `smi` are parsed"}


@pytest.fixture
def world(supplier, rival, asset_provider, rival_provider, settings) -> dict[str, System]:
    """The devices in the guide, and the systems that read them, by the names of their tokens."""
    settings.PORTAL_URL, settings.ALLOWED_HOSTS = HOST, [HOST.removeprefix("https://")]
    make_device("ZEPH", "ZMAP", device_id="00-DB-12-34-56-78-90-A0", msn="Z21E 10447", mpxn=MPANS[0])
    make_device("ZEPH", None, device_id="00-DB-12-34-56-78-90-A1", msn="")
    gas = {"device_type": "GSME", "mpxn": "9900000001", "msn": "G4Z48639953001"}
    make_device("ZPG", "ZMG", device_id="00-DB-12-34-56-78-90-A2", **gas)
    make_device("ZODI", "ZMAB", device_id="00-DB-12-34-56-78-90-A3")
    sold = make_device("ZODI", "ZMAP", device_id="00-DB-12-34-56-78-90-A4")
    provided_by(sold, "ZMAB", "2025-06-01")
    host = {"HTTP_HOST": settings.ALLOWED_HOSTS[0]}
    return {
        "$SUPPLIER": System(make_token(supplier, Job.EDITOR), **host),
        "$MAP": System(make_token(asset_provider, Job.VIEWER), **host),
    }


class Reader:
    """Does what the guide shows, in its order, and remembers what it was given."""

    def __init__(self, systems: dict[str, System]) -> None:
        self.systems, self.addresses, self.tags = systems, [], []

    def ask(self, asked: Asked):
        headers = dict(asked.headers)
        system = self.systems[headers.pop("Authorization").removeprefix("Bearer ")]
        content_type = headers.pop("Content-Type", "application/json")
        for name in {"If-Match", "If-None-Match"} & headers.keys():
            headers[name] = self._known(headers[name], self.tags)
        path = self._known(HOST + asked.address, self.addresses).removeprefix(HOST)
        answer = system.generic(asked.method, path, asked.body, content_type, secure=True, headers=headers)
        text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
        self.addresses += re.findall(f'{HOST}[^"<>\\s]*', f"{answer.headers.get('Link', '')} {text}")
        self.tags += [answer.headers["ETag"]] if "ETag" in answer.headers else []
        return answer, text

    def _known(self, shown: str, seen: list[str]) -> str:
        """What an answer before has given and looks as shown; the last one."""
        return shown if DOTS not in shown else [one for one in seen if as_pattern(shown).fullmatch(one)][-1]


def test_every_example_is_answered_as_shown(world):
    reader, answered = Reader(world), 0
    asked = None
    for language, block in blocks(GUIDE):
        if language not in RUN:
            continue
        said = parsed(language, block)
        if isinstance(said, Asked):
            assert asked is None, f"{asked} is shown without its answer"
            asked = said
        else:
            check(said, *reader.ask(asked), asked)
            asked, answered = None, answered + 1

    assert asked is None
    assert answered > 20


def check(told: Told, answer, text: str, asked: Asked) -> None:
    where = f"{asked.method} {asked.address}"
    assert answer.status_code == told.status, f"{where}: {text}"
    for name, value in told.headers.items():
        assert as_pattern(value).fullmatch(answer.headers.get(name, "")), f"{where}: {name}: {answer.headers.get(name)}"
    if answer.headers.get("Content-Type", "").startswith("text/csv"):
        assert as_pattern(told.body.strip().replace("\n", "\r\n")).fullmatch(text.strip()), f"{where}: {text}"
    elif told.body:
        assert not difference(json_of(told.body), json.loads(text)), where
    else:
        assert text == "", where


def test_blocks_that_are_not_run_are_of_a_kind_that_is_no_request():
    others = [(language, block) for language, block in blocks(GUIDE) if language not in RUN]

    assert {language for language, _ in others} == NOT_RUN.keys()
    assert not [block for _, block in others if "curl" in block or "/api/" in block]


def test_commands_of_smi_are_commands():
    lines = [line for language, block in blocks(GUIDE) if language == "sh" for line in block.splitlines()]
    commands = [line.removeprefix("smi ") for line in lines if line.startswith("smi ")]

    assert commands
    for command in commands:
        parser().parse_args(shlex.split(command))


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_table_of_codes_has_every_code_of_the_code_and_no_other():
    shown = re.findall(r"^\| `(\w+)` \|", section("Codes of errors"), re.MULTILINE)

    assert shown == sorted(shown)
    assert set(shown) == codes.written() | codes.of_fields()


def test_limits_are_those_of_the_settings(settings):
    told = re.findall(r"\d{1,3}(?:,\d{3})*", section("Limits"))
    operations = (settings.BASE_DIR / "docs/operations.md").read_text()

    for name in ("API_RATE", "API_RATE_OF_ORGANISATION", "LOOK_UPS_IN_VAIN", "LOOK_UPS_IN_VAIN_OF_ORGANISATION"):
        assert f"{getattr(settings, name):,}" in told
        assert f"({getattr(settings, name)})" in operations.partition(f"`{name}`")[2].partition("\n")[0]


def test_problems_have_the_status_that_the_guide_says():
    told = dict(re.findall(r"^### ([\w-]+)\n\nStatus (\d+)\.", section("Problems"), re.MULTILINE))

    assert told == {name: str(status) for status, (name, _, _) in PROBLEMS.items()}
