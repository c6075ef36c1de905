"""Writes the MAP portfolio report of one organisation, with the same bytes as the download from its page."""

from inventory.data_items import MAP_PORTFOLIO
from inventory.management.report_command import ReportCommand
from inventory.reports.catalogue import CATALOGUE


class Command(ReportCommand):
    help = __doc__
    report = CATALOGUE[MAP_PORTFOLIO]
