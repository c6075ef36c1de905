"""Long forms: `make drills` runs tests marked `drill` or with examples by Hypothesis, at many times their size."""

import os
from typing import TypeVar

from hypothesis import HealthCheck, settings

Size = TypeVar("Size")
LONG = bool(os.environ.get("DRILLS"))


def sized(suite: Size, drill: Size) -> Size:
    """The size of a test: in the suite, which guards the fact, and in a drill, which looks for rare failures."""
    return drill if LONG else suite


def take_examples() -> None:
    """Hypothesis tries the same examples in each run of the suite, and others in each drill."""
    healthy = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    given = {"max_examples": sized(40, 500), "derandomize": not LONG, "deadline": None}
    settings.register_profile("portal", suppress_health_check=healthy, **given)
    settings.load_profile("portal")
