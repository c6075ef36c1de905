"""What the conflict page shows of each item: when the form was opened, as recorded now, and as typed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Side:
    """One item on the conflict page; `in_another_tab`: the change by "them" is the user's own."""

    label: str
    name: str
    base: str
    theirs: str
    yours: str
    in_another_tab: bool = False

    @property
    def changed_by_them(self) -> bool:
        return self.base != self.theirs

    @property
    def changed_by_you(self) -> bool:
        return self.yours not in ("", self.base)

    @property
    def preselected(self) -> str:
        """Of two changes theirs, as it is recorded already; yours when only you changed it."""
        return "yours" if self.changed_by_you and not self.changed_by_them else "theirs"

    @property
    def choice(self) -> str:
        """The field that says which side to keep."""
        return f"keep_{self.name}"

    @property
    def theirs_label(self) -> str:
        changed = "Keep what you saved" if self.in_another_tab else "Keep theirs"
        return changed if self.changed_by_them else "Keep as recorded"

    @property
    def yours_label(self) -> str:
        return "Keep what you entered here" if self.in_another_tab else "Keep yours"

    @property
    def heading(self) -> str:
        they = "you, in another tab," if self.in_another_tab else "only they"
        if self.changed_by_them and self.changed_by_you:
            return f"{self.label}: {'changed in both tabs' if self.in_another_tab else 'both of you changed it'}"
        if self.changed_by_you:
            return f"{self.label}: only you changed it"
        return f"{self.label}: {they if self.changed_by_them else 'nobody'} changed it"
