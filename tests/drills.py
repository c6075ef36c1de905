"""Long forms: `make drills` runs what is marked `drill`, or given examples by Hypothesis, at many times its size."""

import os
from typing import TypeVar

from hypothesis import HealthCheck, settings

Size = TypeVar("Size")
LONG = bool(os.environ.get("DRILLS"))


def sized(suite: Size, drill: Size) -> Size:
    """How much a test does: in the suite, where the fact is guarded, and in a drill, which looks for what is rare."""
    return drill if LONG else suite


def take_examples() -> None:
    """Hypothesis tries the same examples in each run of the suite, and others in each drill."""
    healthy = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    given = {"max_examples": sized(40, 500), "derandomize": not LONG, "deadline": None}
    settings.register_profile("portal", suppress_health_check=healthy, **given)
    settings.load_profile("portal")
