"""What a request of two people is about, in plain words: for pages, banners and emails."""

import re
from collections.abc import Callable, Iterable
from datetime import date

from django.db.models import QuerySet
from django.utils.formats import date_format

from accounts.models import Binding, Membership, Proposal, SingleSignOn
from accounts.roles import Job

Act = Proposal.Act
Details = dict[str, str]
NOT_OURS = (LookupError, TypeError, ValueError)  # of details that the portal has not written
# What details name by its id.
NAMED: dict[str, tuple[QuerySet, str]] = {
    "binding": (Binding.objects.all(), "code"),
    "membership": (Membership.objects.all(), "user__name"),
}


def act_in_words(proposal: Proposal) -> str:
    """Such as `bind ZMAP (electricity) to Zenith Meter Assets from 1 March 2026`."""
    return acts_in_words([proposal])[proposal.pk]


def acts_in_words(proposals: Iterable[Proposal]) -> dict[int, str]:
    """Return the words of several, by id; what they name is looked up at once."""
    found = list(proposals)
    return {
        proposal.pk: _in_words(WORDS, proposal, given)
        for proposal, given in zip(found, _with_names(found), strict=True)
    }


def _in_words(words: dict[Act, Callable[[Proposal, Details], str]], proposal: Proposal, given: Details) -> str:
    try:
        return words[Act(proposal.act)](proposal, given)
    except NOT_OURS:
        label = proposal.get_act_display()
        return f"{label[0].lower()}{label[1:]}, in details that the portal cannot read"


def with_words(proposals: Iterable[Proposal]) -> list[tuple[Proposal, str]]:
    """Return them in order, each with its words."""
    found = list(proposals)
    words = acts_in_words(found)
    return [(proposal, words[proposal.pk]) for proposal in found]


def act_in_short(proposal: Proposal) -> str:
    """The same for the subject of an email, such as `bind ZMAP to Zenith Meter Assets`."""
    (given,) = _with_names([proposal])
    return _in_words(WORDS | SHORT, proposal, given)


def requested(proposal: Proposal) -> str:
    """Say what has been asked for, and what comes next."""
    asked = f"Approval requested: {act_in_words(proposal)}."
    return f"{asked} Nothing changes until another DCC administrator approves it."


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
    return f"unbind {given['binding']} from {proposal.organisation} after {_day(given['last_day'])}"


def _change_job(proposal: Proposal, given: Details) -> str:
    return f"make {given['membership']} {Job(given['job']).as_one} of {proposal.organisation}"


def _reset_factors(proposal: Proposal, given: Details) -> str:
    return f"reset the second factors of {given['membership']}, a member of {proposal.organisation}"


def _name_provider(proposal: Proposal, given: Details) -> str:
    return f"use {given['issuer']} (client {given['client_id']}) for single sign-on of {proposal.organisation}"


def _add_domain(proposal: Proposal, given: Details) -> str:
    return f"add the email domain {given['domain']} to single sign-on of {proposal.organisation}"


WORDS: dict[Act, Callable[[Proposal, Details], str]] = {
    Act.APPOINT: lambda p, _: f"appoint {p.name} ({p.email}) as an administrator of {p.organisation}",
    Act.BIND: _bind,
    Act.UNBIND: _unbind,
    Act.DEACTIVATE: lambda p, _: f"deactivate {p.organisation}",
    Act.REACTIVATE: lambda p, _: f"reactivate {p.organisation}",
    Act.CHANGE_JOB: _change_job,
    Act.END_MEMBERSHIP: lambda p, given: f"end the membership of {given['membership']} in {p.organisation}",
    Act.RESET_FACTORS: _reset_factors,
    Act.NAME_PROVIDER: _name_provider,
    Act.ADD_DOMAIN: _add_domain,
    Act.SWITCH_ON: lambda p, given: f"switch on single sign-on of {p.organisation} through {given['issuer']}",
}
SHORT: dict[Act, Callable[[Proposal, Details], str]] = {
    Act.APPOINT: lambda p, _: f"appoint an administrator of {p.organisation}",
    Act.BIND: lambda p, given: f"bind {given['code']} to {p.organisation}",
    Act.UNBIND: lambda p, given: f"unbind {given['binding']} from {p.organisation}",
    Act.NAME_PROVIDER: lambda p, _: f"use a provider for single sign-on of {p.organisation}",
    Act.SWITCH_ON: lambda p, _: f"switch on single sign-on of {p.organisation}",
}


def _after_naming(proposal: Proposal, _given: Details) -> list[str]:
    """With what ends of the provider that the organisation has now."""
    check = (
        f"Whoever runs this provider decides who can sign in as a member of {proposal.organisation}. Ask"
        " the organisation itself whether this issuer and client ID are its own."
    )
    found = SingleSignOn.objects.select_related("app").filter(organisation=proposal.organisation_id).first()
    if found is None:
        return [check]
    replaced = (
        f"It replaces {found.issuer} (client {found.app.client_id}). Everyone who signed in through that one is"
        " signed out, and each domain needs a new DNS record before it counts again."
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


def _with_names(proposals: list[Proposal]) -> list[Details]:
    """Return their details, with codes and names of people in place of ids; what is not there is left out."""
    details = [proposal.details if isinstance(proposal.details, dict) else {} for proposal in proposals]
    ids = {key: {_id(given.get(key)) for given in details} - {None} for key in NAMED}
    named = {
        key: dict(found.filter(pk__in=ids[key]).values_list("pk", name)) if ids[key] else {}
        for key, (found, name) in NAMED.items()
    }
    return [
        {key: value for key, value in given.items() if key not in NAMED}
        | {key: names[_id(given[key])] for key, names in named.items() if _id(given.get(key)) in names}
        for given in details
    ]


def _id(value: object) -> int | None:
    """Return the id that details hold as a number or as its digits; None for anything else."""
    return int(value) if isinstance(value, int | str) and re.fullmatch(r"[1-9][0-9]{0,17}", str(value)) else None


def _day(iso: str) -> str:
    return date_format(date.fromisoformat(iso), "DATE_FORMAT")
