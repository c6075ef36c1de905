"""A domain in which DCC people have addresses is never another organisation's, whichever of the two comes first.

Else that organisation's provider would vouch for them. Both ways hold the DCC, so that one comes after the other.
"""

from accounts.errors import NotAllowed
from accounts.mail_domains import domain_of
from accounts.models import Invitation, MailDomain, Membership, Organisation
from accounts.roles import Role


def check_domain(domain: str, organisation: Organisation) -> None:
    """Refuse a domain of DCC people for any organisation but the DCC."""
    _hold_dcc()
    if organisation.role != Role.DCC and _has_dcc_people(domain):
        raise NotAllowed(
            f"People of the DCC have addresses at {domain}, so no other organisation can have it.", "domain"
        )


def check_address(email: str, organisation: Organisation) -> None:
    """Refuse an address in another organisation's domain for a member of the DCC."""
    if organisation.role != Role.DCC:
        return
    _hold_dcc()
    domain = domain_of(email)
    of_others = MailDomain.objects.current().exclude(single_sign_on__organisation__role=Role.DCC)
    held = of_others.filter(domain=domain).select_related("single_sign_on__organisation").first()
    if held:
        raise NotAllowed(
            f"{domain} is a domain of {held.single_sign_on.organisation}: its provider would say who this is."
            " Use an address of the DCC.",
            "email",
        )


def _hold_dcc() -> None:
    list(Organisation.objects.select_for_update(no_key=True).filter(role=Role.DCC).order_by("pk"))


def _has_dcc_people(domain: str) -> bool:
    """Members, suspended ones too, and those who are invited."""
    at = {"organisation__role": Role.DCC}
    members = Membership.objects.current().filter(user__email__endswith=f"@{domain}", **at)
    invited = Invitation.objects.open().filter(email__endswith=f"@{domain}", **at)
    return members.exists() or invited.exists()
