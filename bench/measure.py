"""Rounds, medians and the table."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

ROUNDS = 5
ENOUGH = 20  # seconds measured, for their 95th percentile to mean something


@dataclass
class Outcome:
    """One thing measured: seconds of each round, and what it is compared with."""

    benchmark: str
    name: str
    seconds: list[float] = field(default_factory=list)
    compared_with: str = ""
    ratio: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float | None:
        return statistics.quantiles(self.seconds, n=20)[-1] if len(self.seconds) >= ENOUGH else None

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"median": self.median if self.seconds else None, "p95": self.p95}


def in_turn(
    benchmark: str, operations: dict[str, Callable[[], object]], rounds: int = ROUNDS, times: int = 1
) -> dict[str, Outcome]:
    """Each operation once to warm up, then in `rounds` in turn, so that drift of the machine meets all alike.

    In a round each is done so many `times`, and each time is measured.
    """
    outcomes = {name: Outcome(benchmark, name) for name in operations}
    for number in range(rounds + 1):
        for name, operation in operations.items():
            seconds = [seconds_of(operation) for _ in range(times if number else 1)]
            outcomes[name].seconds += seconds if number else []
        print(f"  {benchmark}: {'warm-up' if not number else f'round {number} of {rounds}'}", flush=True)
    return outcomes


def seconds_of(operation: Callable[[], object]) -> float:
    began = time.perf_counter()
    operation()
    return time.perf_counter() - began


def compare(outcome: Outcome, other: Outcome, note: str = "") -> Outcome:
    """`outcome` as a ratio of medians to `other`."""
    outcome.compared_with, outcome.ratio = other.name, outcome.median / other.median
    outcome.note = note or outcome.note
    return outcome


def print_table(outcomes: list[Outcome], machine: dict[str, object]) -> None:
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{'':50}{'median':>10}{'p95':>10}{'min':>10}{'max':>10}  ratio")
    for benchmark in dict.fromkeys(outcome.benchmark for outcome in outcomes):
        print(f"\n{benchmark}")
        for outcome in (o for o in outcomes if o.benchmark == benchmark):
            print(_row(outcome))


def _row(outcome: Outcome) -> str:
    ratio = f"  {outcome.ratio:.2f} × {outcome.compared_with}" if outcome.ratio is not None else ""
    note = f"  {outcome.note}" if outcome.note else ""
    if not outcome.seconds:
        return f"  {outcome.name:48}{note}"
    values = (outcome.median, outcome.p95, min(outcome.seconds), max(outcome.seconds))
    return f"  {outcome.name:48}{''.join(f'{_time(value):>10}' for value in values)}{ratio}{note}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
