"""What takes two DCC administrators: one proposes it, another decides; done at once when it is approved."""

from collections.abc import Callable
from datetime import date

from django.db import transaction
from django.utils import timezone

from accounts.acting import Acting
from accounts.actions import invitations, sign_on
from accounts.actions.factors import reset_factors
from accounts.actions.members import change_job, end_membership, make_administrator
from accounts.actions.organisations import set_active
from accounts.actions.people import clean_email
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.mail import queue_for
from accounts.models import Binding, Fuel, Invitation, MailDomain, Membership, Organisation, Proposal, SingleSignOn
from accounts.participants.bindings import bind_code, dcc_administrators, unbind_code
from accounts.roles import Job, Role
from accounts.sign_in.encryption import Unreadable, decrypt, encrypt

Act, Decision = Proposal.Act, Proposal.Decision


class Rehearsed(Exception):
    """Ends a rehearsal, so that nothing of it stays."""


@transaction.atomic
def propose(
    *,
    act: Act,
    organisation: Organisation,
    by: Acting,
    reason: str = "",
    email: str = "",
    name: str = "",
    secret: str = "",
    **details: object,
) -> Proposal:
    """Propose `act` on an organisation; the other DCC administrators are told by mail.

    Refuses at once what would be refused when it is approved as things stand now, and what is proposed already.
    """
    _check_dcc(by)
    proposal = Proposal(act=act, organisation=organisation, details=details, email=email, name=name, reason=reason)
    proposal.proposed_by, proposal.expires_at = by.user, Proposal.end_of_validity()
    proposal.secret = secret and encrypt(secret)
    _check_new(proposal)
    _rehearse(proposal, by)  # holds nothing afterwards: a provider may take its time to answer
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    _check_new(proposal)
    proposal.save()
    note(AuditKind.PROPOSED, by=by, about=organisation, proposal=proposal.pk, act=str(act))
    others = dcc_administrators().exclude(user=by.user)
    queue_for("proposal", others.values_list("user_id", flat=True), proposal=proposal.pk)
    return proposal


def _check_dcc(by: Acting) -> None:
    """Both people must be DCC administrators as they act, not only when they signed in."""
    if not dcc_administrators().filter(pk=by.membership_id).exists():
        raise NotAllowed("Only a DCC administrator can ask for this or decide it.")


def _check_new(proposal: Proposal) -> None:
    same = {name: getattr(proposal, name) for name in ("act", "organisation", "details", "email")}
    if Proposal.objects.open().filter(**same).exists():
        raise NotAllowed("Someone has already asked for this. It is waiting for another DCC administrator.")


def _rehearse(proposal: Proposal, by: Acting) -> None:
    """Do it and take it back, so that its rules speak before anybody is asked."""
    try:
        with transaction.atomic():
            ACTS[Act(proposal.act)](proposal, by, rehearsal=True)
            raise Rehearsed
    except Rehearsed:
        return


@transaction.atomic
def decide(*, proposal: Proposal, decision: Decision, by: Acting) -> Proposal:
    """Approve, reject or withdraw a proposal; approved, it is done in the same transaction.

    Another than its proposer approves or rejects, the proposer withdraws; both must be DCC administrators still.
    Raises NotAllowed with the sentence of what refuses the act by now.
    """
    held = Proposal.objects.select_for_update(of=("self",), no_key=True).filter(pk=proposal.pk)
    found = held.select_related("organisation", "proposed_by").get()
    _check_decision(found, decision, by)
    found.decision, found.decided_by, found.decided_at = decision, by.user, timezone.now()
    found.save(update_fields=["decision", "decided_by", "decided_at"])
    details = {"proposal": found.pk, "act": found.act, "decision": str(decision), "proposer": found.proposed_by_id}
    note(AuditKind.DECIDED, by=by, about=found.organisation, **details)
    if decision == Decision.APPROVED:
        made = ACTS[Act(found.act)](found, by, rehearsal=False)
        if isinstance(made, Invitation):
            invitations.send(made)
    found.secret = ""
    found.save(update_fields=["secret"])
    return found


def _check_decision(proposal: Proposal, decision: Decision, by: Acting) -> None:
    _check_dcc(by)
    if not proposal.is_open:
        raise NotAllowed("This request has been decided or has expired since you opened it.")
    own = proposal.proposed_by_id == by.user.pk
    if own and decision != Decision.WITHDRAWN:
        raise NotAllowed("You asked for this, so another DCC administrator must decide.")
    if not own and decision == Decision.WITHDRAWN:
        raise NotAllowed("Only the person who asked for this can withdraw it. Reject it instead.")
    proposer_is_in = dcc_administrators().filter(user=proposal.proposed_by_id).exists()
    if decision == Decision.APPROVED and not proposer_is_in:
        raise NotAllowed(f"{proposal.proposed_by} is no longer a DCC administrator. Reject this, and ask again.")


# What each act does; in a rehearsal the proposer stands in for both people.
def _appoint(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Invitation | Membership:
    """An invitation; who is a member, with no administrator left, becomes one at once."""
    organisation = Organisation.objects.select_for_update(no_key=True).get(pk=proposal.organisation_id)
    members = Membership.objects.current().filter(organisation=organisation)
    if organisation.role != Role.DCC and members.in_force().administrators().exists():
        raise NotAllowed(f"{organisation} already has an administrator, who can invite others under Members.", "email")
    if not organisation.is_active:
        raise NotAllowed(f"{organisation} no longer takes part.")
    if member := members.filter(user__email=clean_email(proposal.email)).first():
        return make_administrator(member)
    return invitations.offer(
        organisation=organisation,
        email=proposal.email,
        name=proposal.name,
        job=Job.ADMINISTRATOR,
        invited_by=proposal.proposed_by,
        approved_by=None if rehearsal else by.user,
        by=by,
    )


def _bind(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Binding:
    given = proposal.details
    binding, bound = bind_code(
        organisation=proposal.organisation,
        fuel=Fuel(given["fuel"]),
        code=given["code"],
        valid_from=date.fromisoformat(given["valid_from"]),
        bound_by=proposal.proposed_by,
        by=by,
        rehearsal=rehearsal,
    )
    if not bound:
        raise NotAllowed(f"{binding} is already bound.", "code")
    return binding


def _unbind(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Binding:
    binding = Binding.objects.get(pk=proposal.details["binding"], organisation=proposal.organisation_id)
    last_day = date.fromisoformat(proposal.details["last_day"])
    return unbind_code(binding=binding, last_day=last_day, unbound_by=proposal.proposed_by, by=by, rehearsal=rehearsal)


def _deactivate(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Organisation:
    return set_active(organisation=proposal.organisation, is_active=False)


def _reactivate(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Organisation:
    return set_active(organisation=proposal.organisation, is_active=True)


def _change_job(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Membership:
    job, shown = Job(proposal.details["job"]), Job(proposal.details["expected_job"])
    given = {"membership": _member(proposal), "job": job, "expected_job": shown}
    return change_job(**given, proposed_by=proposal.proposed_by, by=by)


def _end_membership(proposal: Proposal, by: Acting, *, rehearsal: bool) -> Membership:
    return end_membership(membership=_member(proposal), proposed_by=proposal.proposed_by, by=by)


def _reset_factors(proposal: Proposal, by: Acting, *, rehearsal: bool) -> None:
    """Of a member of the organisation, whatever else they are a member of."""
    given = {"user": _member(proposal).user, "reason": proposal.reason}
    reset_factors(**given, proposed_by=proposal.proposed_by, rehearsal=rehearsal, by=by)


def _name_provider(proposal: Proposal, by: Acting, *, rehearsal: bool) -> SingleSignOn:
    given = {"issuer": proposal.details["issuer"], "client_id": proposal.details["client_id"]}
    return sign_on.name_provider(
        organisation=proposal.organisation,
        **given,
        secret=_secret(proposal),
        named_by=proposal.proposed_by,
        rehearsal=rehearsal,
        by=by,
    )


def _secret(proposal: Proposal) -> str:
    try:
        return decrypt(proposal.secret) if proposal.secret else ""
    except Unreadable as error:
        raise NotAllowed("The client secret can no longer be read. Reject this, and ask again.") from error


def _add_domain(proposal: Proposal, by: Acting, *, rehearsal: bool) -> MailDomain:
    given = {"added_by": proposal.proposed_by, "rehearsal": rehearsal, "by": by}
    return sign_on.add_domain(sign_on=_sign_on(proposal), domain=proposal.details["domain"], **given)


def _switch_on(proposal: Proposal, by: Acting, *, rehearsal: bool) -> SingleSignOn:
    given = {"proposed_by": proposal.proposed_by, "rehearsal": rehearsal, "by": by}
    return sign_on.switch_on(sign_on=_sign_on(proposal), **given)


def _sign_on(proposal: Proposal) -> SingleSignOn:
    """Of the provider that the proposal is about: what was proposed for one is not approved for the next."""
    found = SingleSignOn.objects.select_related("organisation", "app").get(organisation=proposal.organisation_id)
    if (found.issuer, found.app.client_id) != (proposal.details["issuer"], proposal.details["client_id"]):
        raise NotAllowed("The provider has changed since this was requested. Reject this, and ask again.")
    return found


def _member(proposal: Proposal) -> Membership:
    members = Membership.objects.filter(organisation=proposal.organisation_id).select_related("user", "organisation")
    return members.get(pk=proposal.details["membership"])


ACTS: dict[Act, Callable[..., object]] = {
    Act.APPOINT: _appoint,
    Act.BIND: _bind,
    Act.UNBIND: _unbind,
    Act.DEACTIVATE: _deactivate,
    Act.REACTIVATE: _reactivate,
    Act.CHANGE_JOB: _change_job,
    Act.END_MEMBERSHIP: _end_membership,
    Act.RESET_FACTORS: _reset_factors,
    Act.NAME_PROVIDER: _name_provider,
    Act.ADD_DOMAIN: _add_domain,
    Act.SWITCH_ON: _switch_on,
}
