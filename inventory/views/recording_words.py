"""What a recording does, in words: on the page that asks to confirm it, and in the banner once it is saved."""

from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format

from accounts import clock
from accounts.models import Participant
from inventory.forms.recording import DeviceEditForm
from inventory.models import Device, StepKind
from inventory.rules.recording import Assessment


@dataclass(frozen=True)
class Consequences:
    """The page that asks to confirm: `noun` is what is saved, `headline` what it does, `lines` what follows from it."""

    noun: str
    headline: str
    lines: list[str]


@dataclass(frozen=True)
class MapStepInWords:
    """The step of the MAP ID that a valid form asks for, beside the one recorded now."""

    former: Participant | None
    since: date | None
    new: Participant
    day: date
    kind: StepKind | None

    @classmethod
    def of(cls, form: DeviceEditForm) -> "MapStepInWords":
        device, asked = form.device, form.assessment
        return cls(device.asset_provider, device.map_from, asked.participant, asked.map_from, form.step_kind)

    @property
    def is_planned(self) -> bool:
        return self.day > clock.today()

    @property
    def is_move_of_date(self) -> bool:
        return self.former is not None and self.former.code == self.new.code

    @property
    def noun(self) -> str:
        if self.former is None:
            return "planned MAP ID" if self.is_planned else "MAP ID"
        if self.kind == StepKind.CHANGE:
            return "planned change of MAP" if self.is_planned else "change of MAP"
        return "correction"

    @property
    def headline(self) -> str:
        new, day = self.new.name, shown(self.day)
        if self.former is None or self.is_move_of_date:
            verb = "will provide" if self.is_planned else "provides"
            former = f", not from {shown(self.since)}" if self.is_move_of_date else ""
            return f"{new} {verb} this meter from {day}{former}"
        if self.is_planned:
            return f"{self.former.name} will no longer provide this meter from {day}; {new} will"
        if self.kind == StepKind.CORRECTION and self.day != self.since:
            since = shown(self.since)
            return f"{self.former.name} no longer provides this meter from {since}; {new} does, from {day}"
        return f"{self.former.name} no longer provides this meter from {day}; {new} does"

    @property
    def lines(self) -> list[str]:
        if self.former is None:
            return []
        code, former = self.former.code, self.former.name
        if self.kind == StepKind.CHANGE:
            moved = f"You said that the meter moved to a different MAP on {shown(self.day)}."
            return [f"{moved} {former} keeps all dates before that."]
        rent = "so rent that has been invoiced for them may have to be corrected."
        if self.is_move_of_date:
            return [f"You said that the date was entered incorrectly. The dates of {former} change, {rent}"]
        said = f"You said that {code} was entered incorrectly."
        return [f"{said} {former} loses all dates from {shown(self.since)}, {rent}"]


def consequences_of(form: DeviceEditForm) -> Consequences:
    """Return in words what a valid form would record."""
    step = MapStepInWords.of(form) if form.assessment.participant else None
    msn = _msn_in_words(form.device, form.assessment)
    if step is None:
        return Consequences("correction" if form.device.msn else "MSN", msn, _of_msn(form.device))
    also = [f"{msn}.", *_of_msn(form.device)] if msn else []
    return Consequences(step.noun, step.headline, [*step.lines, *also])


def _msn_in_words(device: Device, asked: Assessment) -> str:
    if not asked.msn:
        return ""
    return f"The MSN of this meter is {asked.msn}" + (f", not {device.msn}" if device.msn else "")


def _of_msn(device: Device) -> list[str]:
    return ["This counts from the start: reports of earlier dates show the new MSN, too."] if device.msn else []


def saved_in_words(form: DeviceEditForm) -> str:
    """Return a banner such as “MAP ID saved: ZMAP, Zenith Meter Assets, from 2 November 2022.”, and what is next."""
    asked, device = form.assessment, form.device
    sentences = [f"MSN saved: {asked.msn}."] if asked.msn else []
    if asked.participant:
        sentences += _map_id_saved(MapStepInWords.of(form))
    if not (asked.participant or device.asset_provider) and device.takes_map_id:
        sentences.append("The MAP ID is still missing.")
    if not (asked.msn or device.msn):
        sentences.append("The MSN is still missing.")
    return " ".join(sentences)


def _map_id_saved(step: MapStepInWords) -> list[str]:
    saved = f"{named(step.new)}, from {shown(step.day)}."
    if step.is_planned:
        return [f"Planned change saved: MAP ID {saved} Nothing has changed yet."]
    if step.is_move_of_date:
        return [f"Date of the MAP ID saved: {saved}"]
    leaves = f", and no longer in that of {step.former.name}" if step.former else ""
    return [f"MAP ID saved: {saved}", f"The meter is now in the portfolio report of {step.new.name}{leaves}."]


def removed_in_words(device: Device, day: date) -> str:
    """Return the banner once the MAP ID of `device`, as it was, has been removed from `day`."""
    former = device.asset_provider
    if day > clock.today():
        return f"Planned change saved: no MAP from {shown(day)}, after {named(former)}. Nothing has changed yet."
    gone = f"The meter is no longer in the portfolio report of {former.name}."
    return f"MAP ID removed: {named(former)}, from {shown(day)}. {gone}"


def named(entry: Participant) -> str:
    """Such as `ZMAP, Zenith Meter Assets`, in a sentence."""
    return f"{entry.code}, {entry.name}"


def shown(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
