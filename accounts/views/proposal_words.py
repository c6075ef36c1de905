"""What a proposal is about, in plain words."""

from datetime import date

from django.utils.formats import date_format

from accounts.models import Binding, Membership, Proposal, User
from accounts.roles import Job

Act = Proposal.Act


def act_in_words(proposal: Proposal) -> str:
    """Such as `bind ZMAP (electricity) to Zenith Meter Assets from 1 March 2026`."""
    given, organisation = proposal.details, proposal.organisation
    match Act(proposal.act):
        case Act.APPOINT:
            return f"appoint {proposal.name} ({proposal.email}) administrator of {organisation}"
        case Act.BIND:
            fuel = "electricity" if given["fuel"] == "E" else "gas"
            return f"bind {given['code']} ({fuel}) to {organisation} from {_day(given['valid_from'])}"
        case Act.UNBIND:
            code = Binding.objects.values_list("code", flat=True).get(pk=given["binding"])
            return f"unbind {code} from {organisation} with {_day(given['last_day'])} as its last day"
        case Act.CHANGE_JOB:
            return f"make {_member(given['membership'])} {Job(given['job']).label} of {organisation}"
        case Act.END_MEMBERSHIP:
            return f"end the membership of {_member(given['membership'])} in {organisation}"
        case Act.RESET_FACTORS:
            return f"reset the second factors of {_member(given['membership'])}, a member of {organisation}"
        case act:
            return f"{act.value} {organisation}"


def _member(pk: int) -> User:
    return Membership.objects.select_related("user").get(pk=pk).user


def _day(iso: str) -> str:
    return date_format(date.fromisoformat(iso), "DATE_FORMAT")
