"""The verbs on tokens of an organisation's systems."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.acting import Acting
from accounts.actions.people import clean_name
from accounts.actions.rights import holds_still
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed, quote
from accounts.mail import queue_for
from accounts.models import Membership, Organisation, ServiceToken, User
from accounts.roles import Job, Permission
from accounts.sign_in.networks import parse_networks
from accounts.sign_in.tokens import SHOWN, hash_of, new_secret

MOST = 50  # of an organisation at one time
JOBS = list(Job)  # each may all that the one before may


@transaction.atomic
def make_token(
    *,
    name: str,
    job: Job,
    days: int = ServiceToken.USUAL_DAYS,
    networks: Iterable[str] = (),
    by: Acting,
) -> tuple[ServiceToken, str]:
    """A token of the acting organisation, and its secret, which is known to nobody but the caller from now on.

    Refuses a name that another has, a level above Editor or the maker's own, more than a year, and wrong networks.
    """
    name = _clean_name(name)
    _check_job(job, by)
    _check_days(days)
    networks = _clean_networks(networks)
    _hold_right(by)
    if by.user is None:
        raise NotAllowed("Only a person can create an API token.")
    _check_number(by)
    secret, now = new_secret(), timezone.now()
    token = ServiceToken(organisation=by.organisation, name=name, job=job, networks=networks, created_by=by.user)
    token.prefix, token.secret_hash = secret[:SHOWN], hash_of(secret)
    token.created_at, token.expires_at = now, now + timedelta(days=days)
    _save(token)
    note(AuditKind.TOKEN_MADE, by=by, personal={"name": name}, token=token.pk, job=str(job), days=days)
    return token, secret


def _clean_name(text: str) -> str:
    name = clean_name(text)
    if len(name) > ServiceToken.LONGEST_NAME:
        length = f"{quote(name)} has {len(name)} characters."
        raise NotAllowed(f"{length} The name of an API token can have at most {ServiceToken.LONGEST_NAME}.", "name")
    return name


def _check_job(job: Job, by: Acting) -> None:
    if job not in ServiceToken.JOBS:
        raise NotAllowed("Choose Viewer or Editor. Only a person can be an Administrator.", "job")
    if JOBS.index(job) > JOBS.index(by.job):
        raise NotAllowed(
            f"You are {by.job.as_one}, so you cannot create an API token with the access level {Job(job).label}.", "job"
        )


def _check_days(days: int) -> None:
    if not 1 <= days <= ServiceToken.MOST_DAYS:
        raise NotAllowed(f"Enter a number of days from 1 to {ServiceToken.MOST_DAYS}, not {days}.", "days")


def _clean_networks(networks: Iterable[str]) -> list[str]:
    try:
        return parse_networks(" ".join(networks))
    except ValueError as error:
        raise NotAllowed(str(error), "networks") from error


def _hold_right(by: Acting) -> None:
    """Keep others from changing the organisation's members meanwhile; `by` must still be one who manages tokens."""
    Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation.pk)
    if not holds_still(by, Permission.MANAGE_TOKENS):
        raise NotAllowed(f"Only an administrator of {by.organisation} can create and revoke its API tokens.")


def _check_number(by: Acting) -> None:
    if ServiceToken.objects.valid().of(by.organisation).count() >= MOST:
        raise NotAllowed(
            f"An organisation can have at most {MOST} valid API tokens. Revoke one that is no longer used."
        )


def _save(token: ServiceToken) -> None:
    try:
        with transaction.atomic():
            token.save()
    except IntegrityError as error:
        taken = f"There is already an API token named {quote(token.name)}."
        raise NotAllowed(f"{taken} Enter another name, or revoke that one first.", "name") from error


@transaction.atomic
def revoke_token(*, token: ServiceToken, by: Acting) -> bool:
    """End a token of the acting organisation, from the next request on; False if it was revoked before."""
    _hold_right(by)
    if token.organisation_id != by.organisation.pk:
        raise NotAllowed(f"This is not an API token of {by.organisation}.")
    return _revoke(ServiceToken.objects.filter(pk=token.pk), by) == 1


@transaction.atomic
def revoke_tokens_made_by(*, user: User, organisation: Organisation, by: Acting | None) -> int:
    """End the tokens of `organisation` that a person made: a leaver knows them. How many.

    A part of ending a membership, which has asked for the right to it.
    """
    return _revoke(ServiceToken.objects.of(organisation).filter(created_by=user), by)


def _revoke(tokens: QuerySet[ServiceToken], by: Acting | None) -> int:
    held = list(tokens.current().select_related("organisation").select_for_update(of=("self",), no_key=True))
    for token in held:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        note(
            AuditKind.TOKEN_REVOKED,
            by=by,
            organisation=token.organisation,
            personal={"name": token.name},
            token=token.pk,
        )
    return len(held)


@transaction.atomic
def tell_of_expiry() -> int:
    """Email the administrators of organisations whose tokens expire soon or have expired; how many tokens."""
    tokens = _mark_told(timezone.now())
    for organisation, own in groupby(tokens, key=lambda token: token.organisation):
        administrators = Membership.objects.in_force().administrators().filter(organisation=organisation)
        users = administrators.values_list("user_id", flat=True)
        queue_for("tokens_expiring", users, tokens=[token.pk for token in own])
    return len(tokens)


def _mark_told(now: datetime) -> list[ServiceToken]:
    """The tokens to tell of, by organisation; held, so that nobody else tells of them too."""
    due = ServiceToken.objects.to_be_told_of(now).select_for_update(of=("self",), no_key=True)
    tokens = list(due.select_related("organisation").order_by("organisation", "expires_at", "pk"))
    ServiceToken.objects.filter(pk__in=[token.pk for token in tokens]).update(warned_at=now)
    return tokens
