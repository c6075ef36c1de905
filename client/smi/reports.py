"""`smi report list`, `runs`, `download`."""

from argparse import Namespace, _SubParsersAction
from itertools import islice
from pathlib import Path

from smi import download
from smi.answers import objects
from smi.arguments import add_json, add_limit, add_past, with_portal
from smi.portal import Portal
from smi.terminal import say_json, say_list, say_row

RUN = {"started_at": 20, "report": 14, "as_of": 10, "outcome": 10, "rows": 9, "bytes": 12, "id": 36}


def add_commands(commands: _SubParsersAction) -> None:
    known = commands.add_parser("list", help="the reports there are for you")
    known.set_defaults(run=with_portal(list_reports))
    runs = commands.add_parser("runs", help="the reports that were asked for")
    add_limit(runs)
    runs.set_defaults(run=with_portal(list_runs))
    for command in (known, runs):
        add_json(command)
    add_download(commands)


def add_download(commands: _SubParsersAction) -> None:
    command = commands.add_parser("download", help="a report, checked against its manifest")
    command.add_argument("name", metavar="NAME", help="as in smi report list")
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="else as the portal names it, here")
    command.add_argument("--as-of", metavar="DATE", help="the date it describes")
    add_past(command)
    command.add_argument("--force", action="store_true", help="replace FILE if it exists")
    command.set_defaults(run=with_portal(download.download))


def list_reports(portal: Portal, args: Namespace) -> None:
    found = objects(portal.read("reports/"), "results")
    if args.json:
        return say_json(found)
    width = max((len(str(report.get("name"))) for report in found), default=0)
    for report in found:
        say_row((report.get("name"), report.get("title")), (width, 0))


def list_runs(portal: Portal, args: Namespace) -> None:
    say_list(islice(portal.pages("reports/runs/"), args.limit), RUN, as_json=args.json)
