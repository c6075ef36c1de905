"""The search that chooses the rows of the audit trail for a page or file."""

from collections.abc import Mapping

from django import forms
from django.db import connection

from accounts.acting import Acting
from accounts.audit.kinds import LABELS
from accounts.forms.people import DayField, refuse_reversed
from accounts.models import Membership, User
from accounts.models.audit import AuditRow, AuditRowQuerySet
from accounts.roles import Role

KINDS = [("", "Anything"), *LABELS.items()]
# From each kind to the next one in an index: DISTINCT would read all rows of the trail.
KINDS_THAT_OCCUR = """
WITH RECURSIVE occurring (kind) AS (
    SELECT min(kind) FROM accounts_auditrow WHERE {readable}
    UNION ALL
    SELECT (SELECT min(r.kind) FROM accounts_auditrow AS r WHERE r.kind > o.kind AND {readable})
    FROM occurring AS o WHERE o.kind IS NOT NULL
)
SELECT kind FROM occurring
"""


def _kinds_told_to(acting: Acting) -> set[str]:
    """Return the kinds of which the trail has rows that `acting` can read."""
    readable = "true" if acting.role == Role.DCC else "organisation_id = %(organisation)s"
    with connection.cursor() as cursor:
        cursor.execute(KINDS_THAT_OCCUR.format(readable=readable), {"organisation": acting.organisation.pk})
        return {kind for (kind,) in cursor.fetchall()}


class AuditSearch(forms.Form):
    """Filters by person (a member of your organisation; for the DCC, of any), kind and UK dates.

    Every kind is accepted, as links are kept and shared; the select offers those of which the reader has rows.
    """

    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Person", empty_label="Anyone")
    kind = forms.ChoiceField(required=False, label="What was done", choices=KINDS)
    from_day = DayField(label="From", required=False)
    to_day = DayField(label="To", required=False)

    def __init__(self, data: Mapping[str, str], acting: Acting) -> None:
        super().__init__(data)
        people = User.objects.order_by("name", "pk")
        members = Membership.objects.filter(organisation=acting.organisation)  # some left and came back
        own = people.filter(pk__in=members.values("user"))
        self.fields["person"].queryset = people if acting.role == Role.DCC else own
        offered = {"", data.get("kind"), *_kinds_told_to(acting)}
        self.fields["kind"].widget.choices = [choice for choice in KINDS if choice[0] in offered]
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
