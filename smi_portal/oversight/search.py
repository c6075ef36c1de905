"""The search that chooses the rows of the audit trail for a page or file."""

from collections.abc import Mapping

from django import forms

from accounts.acting import Acting
from accounts.audit.kinds import LABELS
from accounts.forms.people import DayField, refuse_reversed
from accounts.models import Membership, User
from accounts.models.audit import AuditRow, AuditRowQuerySet
from accounts.roles import Role


class AuditSearch(forms.Form):
    """Filters by person (a member of your organisation; for the DCC, of any), kind and UK dates."""

    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Person", empty_label="Anybody")
    kind = forms.ChoiceField(required=False, label="What was done", choices=[("", "Anything"), *LABELS.items()])
    from_day = DayField(label="From", required=False)
    to_day = DayField(label="To", required=False)

    def __init__(self, data: Mapping[str, str], acting: Acting) -> None:
        super().__init__(data)
        people = User.objects.order_by("name", "pk")
        members = Membership.objects.filter(organisation=acting.organisation)  # some left and came back
        own = people.filter(pk__in=members.values("user"))
        self.fields["person"].queryset = people if acting.role == Role.DCC else own
        self.acting = acting

    def clean(self) -> dict:
        cleaned = super().clean()
        refuse_reversed(self, "from_day", "to_day")
        return cleaned

    @property
    def given(self) -> dict[str, str]:
        """Return the filters in use, as they were typed."""
        return {name: self.data[name] for name in self.fields if self.data.get(name)}

    def rows(self) -> AuditRowQuerySet:
        """Return the rows that `acting` can read and the filters let through, as they are told to it."""
        asked = self.cleaned_data
        rows = AuditRow.objects.told_to(self.acting.organisation).between(asked["from_day"], asked["to_day"])
        if asked["person"]:
            rows = rows.filter(person_id=asked["person"].pk)
        return rows.filter(kind=asked["kind"]) if asked["kind"] else rows


FILTERS = tuple(AuditSearch.base_fields)
