"""A past party learns nothing new: whatever is recorded after it lost a device, it gets the answers it got before."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import NamedTuple

import pytest
from django.utils import timezone
from django.utils.timezone import make_aware
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Organisation
from accounts.roles import Job, Role
from inventory.models import Device, StepKind
from tests.conftest import Browser, System
from tests.drills import sized
from tests.factories import bind, listed, make_device, make_membership, make_organisation, make_token, provided_by
from tests.factories import supplied_by as supply
from tests.inventory.test_story import load, recorded_at

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
BEGAN = datetime(2024, 3, 4, 9, tzinfo=UTC)
INSTALLED = date(2024, 3, 1)
BEFORE = timedelta(microseconds=1)
MAPS, SUPPLIERS = ("ZMAP", "ZMAB"), ("ZEPH", "ZODI")
numbers = count(1)


class Act(NamedTuple):
    """One recording: some days after the one before, of an item, for a code, from a date so many days away."""

    after: int
    item: str
    code: str
    days: int


@dataclass
class Recorded:
    """A step as it was recorded; without a code, nobody; cancelled, it is no step any more."""

    at: datetime
    track: str
    day: date
    code: str | None
    cancelled: bool = False


def acts(items: list[str], codes: list[str], **size: int) -> st.SearchStrategy[list[Act]]:
    days = st.integers(-300, 60) | st.just(EXISTING)
    of_one = {"item": st.sampled_from(items), "code": st.sampled_from(codes), "days": days}
    return st.lists(st.builds(Act, after=st.integers(1, 80), **of_one), **size)


EXISTING = 999  # in place of days: the date of a step that is known, so it is corrected
ANY = (["provider", "supply", "msn", "status"], ["first", "second", "another", "none", "cancelled"])
SALES = acts(["provider", "supply"], ["second", "another"], min_size=2, max_size=3)
LATER = acts(*ANY, min_size=2, max_size=5)
FIRST = acts(*ANY, max_size=2)


@dataclass
class Story:
    """A device's life: it is recorded act by act, and kept here as a plain list that knows who had it when."""

    device: Device
    at: datetime = BEGAN
    steps: list[Recorded] = field(default_factory=list)
    markers: dict[str, datetime] = field(default_factory=dict)  # values that stand nowhere else, and when recorded

    def record(self, act: Act) -> None:
        self.at += timedelta(days=act.after)
        moment = timezone.localtime(self.at)
        with recorded_at(moment.year, moment.month, moment.day, moment.hour):
            if act.item == "msn":
                load(self.device, msn=self.mark("N"))
            elif act.item == "status":
                load(self.device, status=["Suspended", "Commissioned"][act.days % 2])
            else:
                self.step(act)

    def step(self, act: Act) -> None:
        known = self.known(act.item, self.at)
        days = sorted(known)
        day = max(self.at.date() + timedelta(days=act.days), INSTALLED)
        if act.days == EXISTING:
            day = days[act.after % len(days)]
        code, kind = self.code(act), StepKind.CHANGE
        if act.code == "cancelled":
            if len(days) == 1:
                return
            day, kind = days[1:][act.days % (len(days) - 1)], StepKind.CANCELLED
            code = known[day]
        elif day in known:
            kind = StepKind.CORRECTION
        if act.item == "provider":
            provided_by(self.device, code, day, kind=kind, recorded_for=self.holder("supply", self.at))
        else:
            supply(self.device, code, day, kind=kind)
        self.steps.append(Recorded(self.at, act.item, day, code, kind == StepKind.CANCELLED))

    def code(self, act: Act) -> str | None:
        first, second = MAPS if act.item == "provider" else SUPPLIERS
        named = {"first": first, "second": second, "cancelled": None}
        if act.code == "none" and act.item == "provider":
            return None
        return named[act.code] if act.code in named else self.mark("Q" if act.item == "provider" else "X")

    def mark(self, letter: str) -> str:
        marker = f"{letter}{next(numbers):03X}"
        self.markers[marker] = self.at
        return marker

    def known(self, track: str, at: datetime) -> dict[date, str | None]:
        """The steps known at a moment."""
        found: dict[date, str | None] = {}
        for step in self.steps:
            if step.track == track and step.at <= at:
                found.pop(step.day, None) if step.cancelled else found.update({step.day: step.code})
        return found

    def holder(self, track: str, at: datetime) -> str | None:
        steps = {day: code for day, code in self.known(track, at).items() if day <= timezone.localtime(at).date()}
        return steps[max(steps)] if steps else None

    def lost(self, track: str, code: str) -> datetime | None:
        """When `code` lost the device; None if it has it or never had it."""
        if self.holder(track, timezone.now()) == code:
            return None
        mine = [step for step in self.steps if step.track == track]
        changes = {step.at for step in mine} | {make_aware(datetime.combine(step.day, time())) for step in mine}
        return max((c for c in changes if self.holder(track, c - BEFORE) == code), default=None)


class Party(NamedTuple):
    track: str
    code: str
    page: Browser
    system: System

    @classmethod
    def of(cls, organisation: Organisation, track: str, code: str) -> "Party":
        page = Browser(make_membership(organisation, Job.ADMINISTRATOR))
        return cls(track, code, page, System(make_token(organisation, Job.VIEWER)))

    @property
    def other_maps(self) -> str:
        """Matches what no MAP but this one may read."""
        return rf"\b(Q[0-9A-F]{{3}}|{'|'.join(code for code in MAPS if code != self.code)})\b"


@pytest.fixture
def parties(dcc) -> list[Party]:
    made = []
    for track, role, codes in (("provider", Role.MAP, MAPS), ("supply", Role.SUPPLIER, SUPPLIERS)):
        for code in codes:
            organisation = make_organisation(f"{code} Company", role)
            bind(organisation, listed(code, role))
            made.append(Party.of(organisation, track, code))
    return made


@pytest.fixture
def begin() -> Callable[[], Story]:
    def made() -> Story:
        with recorded_at(2024, 3, 4, 9):
            device = make_device(*reversed([MAPS[0], SUPPLIERS[0]]), msn="N000", mpxn="9910000001006")
        first = [Recorded(BEGAN, "provider", INSTALLED, MAPS[0]), Recorded(BEGAN, "supply", INSTALLED, SUPPLIERS[0])]
        return Story(device, steps=first)

    return made


def answers(party: Party, device: Device, days: list[date]) -> Iterator[tuple[str, str]]:
    """What a party gets at each door, without what differs each time."""
    at, api = f"/devices/{device.device_id}/", f"/api/v1/devices/{device.device_id}/"
    paths = [at, f"{at}history/", f"/devices/?device_id={device.device_id}"]
    paths += [f"{at}history/?as_of={day}" for day in days]
    for path in paths:
        yield path, re.sub(r'(value|data-seconds)="[^"]+"|[0-9a-f-]{36}', "", party.page.get(path).content.decode())
    for path in (f"{api}history/", *(f"{api}as-of/?as_of={day}" for day in days)):
        yield path, re.sub(r'"(request_id|reference)":"[^"]+"', "", party.system.get(path).content.decode())
    files = {"provider": "/reports/map-portfolio/download/", "supply": "/devices/download/"}
    asked = ["", *(f"?as_of={day}" for day in days if party.track == "provider")]
    for path in (files[party.track] + query for query in asked):
        text = b"".join(party.page.get(path).streaming_content).decode()
        rows = csv.DictReader(io.StringIO(text))
        yield path, str([row for row in rows if row["device_id"] == device.device_id])


@settings(max_examples=sized(8, 120))
@given(first=FIRST, sales=SALES, later=LATER, back=st.integers(1, 120))
def test_past_party_is_told_the_same_whatever_is_recorded_later(parties, begin, first, sales, later, back):
    story = begin()
    for act in first + sales:
        story.record(act)
    days = [INSTALLED, story.at.date() - timedelta(days=back)]
    story.at += timedelta(days=61)  # all that is planned has begun
    lost = {party.code: story.lost(party.track, party.code) for party in parties}
    past = [party for party in parties if lost[party.code]]
    before = {party.code: dict(answers(party, story.device, days)) for party in past}

    for act in later:
        story.record(act)

    for party in past:
        if story.lost(party.track, party.code) == lost[party.code]:
            after = dict(answers(party, story.device, days))
            assert after == before[party.code], party.code


@settings(max_examples=sized(6, 120))
@given(first=FIRST, sales=SALES, later=LATER)
def test_no_answer_holds_what_was_recorded_after_the_loss_or_another_maps_code(parties, begin, first, sales, later):
    story = begin()
    for act in first + sales + later:
        story.record(act)
    days = list(dict.fromkeys([INSTALLED, *(step.day for step in story.steps[2:])]))[:3]

    for party in parties:
        lost = story.lost(party.track, party.code)
        after_loss = [marker for marker, at in story.markers.items() if lost and at > lost]
        told = {"audit": party.page.get("/audit/").text, **dict(answers(party, story.device, days))}
        told["audit file"] = b"".join(party.page.get("/audit/download/").streaming_content).decode()
        for door, answer in told.items():
            assert [marker for marker in after_loss if marker in answer] == [], (party.code, door)
            assert party.track == "supply" or not re.search(party.other_maps, answer), (party.code, door)
            assert not lost or latest(answer) <= lost, (party.code, door)


def latest(answer: str) -> datetime:
    """The last moment at which something in the answer was recorded."""
    moments = re.findall(r"""["'](?:at|map_recorded_at)["']: ?["'](\d{4}[^"']+Z)["']""", answer)
    return max((datetime.fromisoformat(moment) for moment in moments), default=BEGAN)
