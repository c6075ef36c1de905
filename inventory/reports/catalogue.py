"""The one table of reports: their contents, who can download them, their questions, and what is kept of a download.

The page "Reports", downloads, the API, commands, manifests and the audit trail take a report from here. A new report
needs a row here, a query in a module beside this one, and a template if it has its own page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db.models import DateField, QuerySet, Value
from django.db.models.expressions import Combinable

from accounts import clock
from accounts.acting import FIELD, Acting
from accounts.roles import Job, Permission, Role, allows
from inventory.data_items import DEVICE_LIST, MAP_PORTFOLIO, DataItem, carried_by
from inventory.devices.filters import DeviceFilter
from inventory.devices.worklists import WORKLISTS, Worklist
from inventory.forms.past import PortfolioForm
from inventory.models import Device, DeviceReading, ReportRun
from inventory.reports.device_list import listed, waiting
from inventory.reports.map_portfolio import portfolio


@dataclass(frozen=True)
class Asked:
    """What one download asks for: a UK date, as known at a moment (None: of reading), any search, the format."""

    day: date
    known_at: datetime | None = None
    search: DeviceFilter | None = None
    format: ReportRun.Format = ReportRun.Format.CSV


@dataclass(frozen=True)
class Question:
    """The question that a report answers: its parameters, how they are read, and a sentence about them.

    `read` raises BadRequest with all problems of the given values.
    """

    parameters: tuple[str, ...]
    read: Callable[[Mapping[str, str], Acting], Asked]
    hint: str


def _past(given: Mapping[str, str], by: Acting) -> Asked:
    form = PortfolioForm(given)
    cleaned = form.cleaned_or_refused()
    chosen = ReportRun.Format(cleaned["format"] or ReportRun.Format.CSV)
    return Asked(cleaned["as_of"] or clock.today(), form.known_at, format=chosen)


def _search(given: Mapping[str, str], by: Acting) -> Asked:
    search = DeviceFilter(given, Device.objects.visible_to(by), by, beside=BESIDE)
    search.narrowed_or_refused()
    return Asked(clock.today(), search=search)


def _nothing(given: Mapping[str, str], by: Acting) -> Asked:
    return Asked(clock.today())


BESIDE = ("format", FIELD)  # the other parameters of any download
THE_PAST = Question(("as_of", "known_on"), _past, "Download it as of today or an earlier date.")
NOTHING = Question((), _nothing, "")
A_SEARCH = Question(tuple(DeviceFilter.base_filters), _search, "To download only some of them, search for them first.")


WITHHELD = "Always empty: it is withheld from your role."


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report. Its `name` is the URL name of its page, and `name`-download that of its file.

    `query` returns the rows that the reader can see, with their quality flags. The columns are the data items that name
    the report.
    """

    name: str
    title: str
    holds: str
    permission: Permission
    path: str  # of its page; its file is at `download/` below
    file_stem: str
    question: Question
    query: Callable[[Acting, Asked], QuerySet]
    ordered_by: tuple[str, ...]
    noted_as: DeviceReading.How
    keeps_runs: bool = False
    worklist: str = ""  # the name of the list that it is the file of
    formats: tuple[ReportRun.Format, ...] = (ReportRun.Format.CSV,)

    @cached_property
    def columns(self) -> list[DataItem]:
        if self.worklist:  # nobody learns a MAP ID from what is to be done about it
            return [item for item in carried_by(DEVICE_LIST) if not item.name.startswith("map_")]
        return carried_by(self.name)

    @property
    def header(self) -> list[str]:
        return [item.name for item in self.columns]

    def described_columns(self, role: Role) -> list[dict[str, str]]:
        """Return the name and type of each column, and what an empty cell of it means to `role`."""
        return [
            {"name": item.name, "type": item.kind.value, "empty": item.empty if item.visible_to(role) else WITHHELD}
            for item in self.columns
        ]

    @property
    def roles(self) -> list[Role]:
        """Return the roles in which an organisation has this report."""
        return [role for role in Role if allows(role, Job.ADMINISTRATOR, self.permission)]

    def rows(self, by: Acting, asked: Asked) -> QuerySet:
        """Return the values of the file, in its order; a column that is withheld from the reader is empty."""
        columns = (_column(item, by, asked) for item in self.columns)
        return self.query(by, asked).order_by(*self.ordered_by).values_list(*columns)


def _column(item: DataItem, by: Acting, asked: Asked) -> Combinable:
    if item.name == "as_of":
        return Value(asked.day, DateField())
    return item.column if item.visible_to(by.role) else Value(None, DateField())


CATALOGUE: dict[str, Report] = {
    report.name: report
    for report in (
        Report(
            name=MAP_PORTFOLIO,
            title="MAP portfolio report",
            holds="Every device recorded against your MAP IDs, one row each.",
            permission=Permission.DOWNLOAD_MAP_PORTFOLIO,
            path="reports/map-portfolio/",
            file_stem="map-portfolio",
            question=THE_PAST,
            query=lambda by, asked: portfolio(by, asked.day, asked.known_at),
            ordered_by=("asset_provider__code", "device_id"),
            noted_as=DeviceReading.How.PORTFOLIO,
            keeps_runs=True,
            formats=(ReportRun.Format.CSV, ReportRun.Format.XLSX),
        ),
        Report(
            name=DEVICE_LIST,
            title="Device list",
            holds="Every device that you can see, one row each, ordered by Device ID.",
            permission=Permission.DOWNLOAD_DEVICE_LIST,
            path="devices/",
            file_stem="devices",
            question=A_SEARCH,
            query=lambda by, asked: listed(by, asked.day, asked.search),
            ordered_by=("device_id",),
            noted_as=DeviceReading.How.FILE,
        ),
    )
}


def _worklist(work: Worklist) -> Report:
    """The file of a worklist: its list, without the items that it must not tell."""
    return Report(
        name=f"worklist-{work.name}",
        title=work.title,
        holds=work.advice,
        permission=Permission.VIEW_DEVICE,
        path=f"devices/to-do/{work.name}/",
        file_stem=f"to-do-{work.name}",
        question=NOTHING,
        query=lambda by, asked: waiting(by, asked.day, work),
        ordered_by=("device_id",),
        noted_as=DeviceReading.How.FILE,
        worklist=work.name,
    )


# Found on the page of each, not among the reports.
WORKLIST_FILES = {work.name: _worklist(work) for work in WORKLISTS.values()}


def reports_of(acting: Acting) -> list[Report]:
    """Return the reports that `acting` can download."""
    return [report for report in CATALOGUE.values() if acting.may(report.permission)]


def report_named(name: str) -> Report:
    """Return the report or the file of a worklist that runs name so."""
    return EVERY_FILE[name]


EVERY_FILE = CATALOGUE | {report.name: report for report in WORKLIST_FILES.values()}
