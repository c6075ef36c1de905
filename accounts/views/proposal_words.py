"""What a proposal is about, in plain words."""

from collections.abc import Callable
from datetime import date

from django.core.exceptions import ObjectDoesNotExist
from django.utils.formats import date_format

from accounts.models import Binding, Membership, Proposal, SingleSignOn, User
from accounts.roles import Job

Act = Proposal.Act
Details = dict[str, str]
NOT_OURS = (ObjectDoesNotExist, LookupError, TypeError, ValueError)  # of details that the portal has not written
PROPOSED = "Proposed. Another DCC administrator decides; until then nothing changes."


def act_in_words(proposal: Proposal) -> str:
    """Such as `bind ZMAP (electricity) to Zenith Meter Assets from 1 March 2026`."""
    try:
        return WORDS[Act(proposal.act)](proposal, proposal.details)
    except NOT_OURS:
        label = proposal.get_act_display()
        return f"{label[0].lower()}{label[1:]}, in details that the portal cannot read"


def what_follows(proposal: Proposal) -> list[str]:
    """Sentences on what comes with an act that lets a provider vouch for people, and on what to check first."""
    try:
        return FOLLOWS[Act(proposal.act)](proposal, proposal.details) if proposal.act in FOLLOWS else []
    except NOT_OURS:
        return []


def _bind(proposal: Proposal, given: Details) -> str:
    fuel = "electricity" if given["fuel"] == "E" else "gas"
    return f"bind {given['code']} ({fuel}) to {proposal.organisation} from {_day(given['valid_from'])}"


def _unbind(proposal: Proposal, given: Details) -> str:
    code = Binding.objects.values_list("code", flat=True).get(pk=given["binding"])
    return f"unbind {code} from {proposal.organisation} with {_day(given['last_day'])} as its last day"


def _change_job(proposal: Proposal, given: Details) -> str:
    return f"make {_member(given['membership'])} {Job(given['job']).label} of {proposal.organisation}"


def _reset_factors(proposal: Proposal, given: Details) -> str:
    return f"reset the second factors of {_member(given['membership'])}, a member of {proposal.organisation}"


def _name_provider(proposal: Proposal, given: Details) -> str:
    return f"use {given['issuer']} (client {given['client_id']}) for single sign-on of {proposal.organisation}"


def _add_domain(proposal: Proposal, given: Details) -> str:
    return f"add the email domain {given['domain']} to single sign-on of {proposal.organisation}"


WORDS: dict[Act, Callable[[Proposal, Details], str]] = {
    Act.APPOINT: lambda p, _: f"appoint {p.name} ({p.email}) administrator of {p.organisation}",
    Act.BIND: _bind,
    Act.UNBIND: _unbind,
    Act.DEACTIVATE: lambda p, _: f"deactivate {p.organisation}",
    Act.REACTIVATE: lambda p, _: f"reactivate {p.organisation}",
    Act.CHANGE_JOB: _change_job,
    Act.END_MEMBERSHIP: lambda p, given: f"end the membership of {_member(given['membership'])} in {p.organisation}",
    Act.RESET_FACTORS: _reset_factors,
    Act.NAME_PROVIDER: _name_provider,
    Act.ADD_DOMAIN: _add_domain,
    Act.SWITCH_ON: lambda p, given: f"switch on single sign-on of {p.organisation} through {given['issuer']}",
}


def _after_naming(proposal: Proposal, _given: Details) -> list[str]:
    """With what ends of the provider that the organisation has now."""
    check = (
        f"Whoever runs this provider decides who signs in as the people of {proposal.organisation}. Ask"
        " the organisation itself whether this issuer and client ID are its own."
    )
    found = SingleSignOn.objects.select_related("app").filter(organisation=proposal.organisation_id).first()
    if found is None:
        return [check]
    replaced = (
        f"It replaces {found.issuer} (client {found.app.client_id}). Everyone who signed in through that is signed out,"
        " and each domain needs a new DNS record before it counts again."
    )
    return [check, replaced]


def _after_adding(proposal: Proposal, given: Details) -> list[str]:
    return [
        f"People with an address at {given['domain']} will sign in through {given['issuer']}, and in no other way, once"
        f" the domain has a DNS record that names {proposal.organisation} and this provider.",
    ]


def _after_switching(_proposal: Proposal, given: Details) -> list[str]:
    return [
        f"People with an address in a confirmed domain will sign in through {given['issuer']}, and in no other way.",
    ]


FOLLOWS: dict[Act, Callable[[Proposal, Details], list[str]]] = {
    Act.NAME_PROVIDER: _after_naming,
    Act.ADD_DOMAIN: _after_adding,
    Act.SWITCH_ON: _after_switching,
}


def _member(pk: int | str) -> User:
    return Membership.objects.select_related("user").get(pk=pk).user


def _day(iso: str) -> str:
    return date_format(date.fromisoformat(iso), "DATE_FORMAT")
