"""Refusals that become an error page, with the sentence the user reads."""


class BadRequest(Exception):
    """400: the request says something the portal does not accept; each problem is one sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class OtherMembership(Exception):
    """409: the form or link was made for another membership than the one acted under now."""

    def __init__(self, membership_id: str) -> None:
        super().__init__(membership_id)
        self.membership_id = membership_id


class NotAllowed(Exception):
    """An action refuses for a reason of its rules; `field` names the form field it is about, if any."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


class Stale(Exception):
    """What is to be changed has been changed since it was read."""
