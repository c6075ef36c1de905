"""Who is emailed the daily roots, as only a root that was kept elsewhere reveals that a chain was recomputed."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q

from accounts.mail import queue_mails
from accounts.models import Membership
from accounts.roles import Role


def tell_of_roots(roots: Iterable[tuple[int, int | None]]) -> None:
    """Queue the emails of these roots, each given by its id and organisation: those of all rows go to the DCC."""
    by_organisation: dict[int | None, list[int]] = defaultdict(list)
    for root, organisation in roots:
        by_organisation[organisation].append(root)
    asked = Q(organisation__receives_roots=True, organisation__in=[one for one in by_organisation if one])
    told = Membership.objects.in_force().administrators().filter(asked | Q(organisation__role=Role.DCC))
    emails = [
        {"membership": number, "roots": by_organisation[None if role == Role.DCC else organisation]}
        for number, organisation, role in told.values_list("pk", "organisation_id", "organisation__role")
    ]
    queue_mails("daily_roots", [email for email in emails if email["roots"]])
