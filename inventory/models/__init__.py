"""What the inventory holds, by noun."""

from inventory.models.adoption import Adoption
from inventory.models.devices import (
    FUEL_OF_TYPE,
    METERS,
    USUAL_STATUS_MOVES,
    WATCHED,
    Device,
    DeviceEvent,
    DeviceType,
    Status,
)
from inventory.models.periods import ProviderPeriod, Step, StepKind, SupplyPeriod
from inventory.models.readings import DeviceReading
from inventory.models.report_runs import ReportRun
from inventory.models.staging import StagedDevice, StagedFile, StagedRow

__all__ = [
    "FUEL_OF_TYPE",
    "METERS",
    "USUAL_STATUS_MOVES",
    "WATCHED",
    "Adoption",
    "Device",
    "DeviceEvent",
    "DeviceReading",
    "DeviceType",
    "ProviderPeriod",
    "ReportRun",
    "StagedDevice",
    "StagedFile",
    "StagedRow",
    "Status",
    "Step",
    "StepKind",
    "SupplyPeriod",
]
