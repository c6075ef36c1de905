from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager
from datetime import date
from functools import partial

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, transaction

from accounts.acting import Acting
from accounts.actions import add_administrator, add_member, add_organisation, bind_code, change_job
from accounts.actions.sign_on import add_domain
from accounts.errors import NotAllowed
from accounts.models import Binding, Fuel, MailDomain, Membership, Organisation, User
from accounts.roles import Job, Role
from tests.as_owner import overwrite
from tests.factories import bind, make_membership, make_organisation, make_participant, make_sign_on, make_user

TODAY = date(2026, 6, 1)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


def refusal_of(action: Callable, **arguments: object) -> NotAllowed:
    with pytest.raises(NotAllowed) as refused:
        action(**arguments)
    return refused.value


# Organisations


def test_organisation_is_added():
    organisation = add_organisation(name="  Zeal   Energy ", role=Role.SUPPLIER)

    assert Organisation.objects.get() == organisation
    assert (organisation.name, organisation.role, organisation.is_active) == ("Zeal Energy", "supplier", True)


def test_second_organisation_of_the_name_is_refused():
    make_organisation("Zeal Energy", Role.SUPPLIER)

    refusal = refusal_of(add_organisation, name="ZEAL energy", role=Role.MAP)

    assert str(refusal) == "There is already an organisation named “ZEAL energy”."
    assert refusal.field == "name"
    assert Organisation.objects.count() == 1


@pytest.mark.parametrize("name", ["", "  ", "Z" * 121, "Zeal\u200bEnergy"])
def test_organisation_needs_a_name_that_can_be_read(name):
    assert refusal_of(add_organisation, name=name, role=Role.MAP).field == "name"


# Codes


def bound(organisation: Organisation, code: str = "ZNEW", **given: object) -> tuple[Binding, bool]:
    arguments = {"fuel": Fuel.ELECTRICITY, "valid_from": TODAY, "by": None} | given
    return bind_code(organisation=organisation, code=code, **arguments)


def test_code_is_bound_in_the_role_of_the_organisation(supplier):
    make_participant("ZNEW", role=Role.SUPPLIER)

    binding, changed = bound(supplier, " znew ")

    assert changed
    assert (binding.code, binding.role, binding.organisation) == ("ZNEW", "supplier", supplier)
    assert (binding.valid_from, binding.valid_to, binding.bound_by) == (TODAY, None, None)


def test_two_people_bind_a_code(supplier, dcc, acting):
    make_participant("ZNEW", role=Role.SUPPLIER)
    one, other = acting(dcc, Job.ADMINISTRATOR), acting(dcc, Job.ADMINISTRATOR)

    binding, _ = bound(supplier, bound_by=one.user, by=other)

    assert (binding.bound_by, binding.approved_by) == (one.user, other.user)


@pytest.mark.parametrize("alone", [True, False])
def test_one_person_alone_binds_no_code(supplier, dcc, acting, alone):
    make_participant("ZNEW", role=Role.SUPPLIER)
    person = acting(dcc, Job.ADMINISTRATOR)

    refusal = refusal_of(bound, organisation=supplier, bound_by=None if alone else person.user, by=person)

    assert "A second DCC administrator must approve this" in str(refusal)


def test_operator_binds_no_code_once_two_dcc_administrators_exist(supplier, dcc, acting):
    make_participant("ZNEW", role=Role.SUPPLIER)
    acting(dcc, Job.ADMINISTRATOR)
    assert bound(supplier)
    make_participant("ZNEX", role=Role.SUPPLIER)
    acting(dcc, Job.ADMINISTRATOR)

    refusal = refusal_of(bound, organisation=supplier, code="ZNEX")

    assert "There are two DCC administrators" in str(refusal)


@pytest.mark.parametrize("fuel", Fuel)
def test_code_that_is_not_in_the_list_for_fuel_and_role_is_refused(supplier, fuel):
    make_participant("ZNEW", role=Role.MAP)

    refusal = refusal_of(bound, organisation=supplier, fuel=fuel)

    assert f" {fuel.label} Supplier code in the list of participants." in str(refusal)
    assert refusal.field == "code"


def test_test_code_is_refused(asset_provider):
    make_participant("ZNEW", kind="test")

    assert "ZNEW is a test code" in str(refusal_of(bound, organisation=asset_provider))


def test_dcc_acts_under_no_code(dcc):
    make_participant("ZNEW")

    assert refusal_of(bound, organisation=dcc).field == "organisation"


def test_organisation_that_takes_part_no_longer_gets_no_code(supplier):
    make_participant("ZNEW", role=Role.SUPPLIER)
    supplier.is_active = False

    assert "Zephyr Energy no longer takes part." in str(refusal_of(bound, organisation=supplier))


def test_code_of_another_organisation_is_refused(supplier, rival):
    refusal = refusal_of(bound, organisation=rival, code="ZEPH")

    assert str(refusal) == "ZEPH is bound to Zephyr Energy from 1 January 2015."


def test_code_that_another_organisation_gets_later_is_refused(supplier, rival):
    bind(rival, make_participant("ZNEW", role=Role.SUPPLIER), valid_from=date(2030, 1, 1), valid_to=date(2031, 1, 1))

    refusal = refusal_of(bound, organisation=supplier)

    assert "ZNEW is bound to Zodiac Power from 1 January 2030 to 1 January 2031." in str(refusal)


def test_code_that_another_organisation_has_given_up_is_bound(supplier, rival):
    bind(rival, make_participant("ZNEW", role=Role.SUPPLIER), valid_to=date(2026, 5, 31))

    assert bound(supplier)[1]


def test_same_code_in_the_other_role_is_bound(supplier, asset_provider):
    make_participant("ZEPH", role=Role.MAP)

    assert bound(asset_provider, "ZEPH")[1]


def test_binding_again_changes_nothing_and_says_so(supplier):
    before = set(Binding.objects.all())

    binding, changed = bound(supplier, "ZEPH")

    assert not changed
    assert binding in before
    assert set(Binding.objects.all()) == before


def test_binding_from_before_the_standing_one_is_refused(supplier):
    refusal = refusal_of(bound, organisation=supplier, code="ZEPH", valid_from=date(2014, 1, 1))

    assert "ZEPH is bound to Zephyr Energy from 1 January 2015." in str(refusal)


# People


def test_new_administrator_gets_an_account_with_a_verified_address(supplier):
    membership = add_administrator(email=" Zoe.Quill@Demo.Example ", organisation=supplier)

    user = membership.user
    assert (user.email, user.name, membership.job) == ("zoe.quill@demo.example", "Zoe Quill", Job.ADMINISTRATOR)
    assert not user.has_usable_password()
    assert EmailAddress.objects.filter(user=user, email=user.email, verified=True, primary=True).exists()


def test_name_of_a_new_administrator_may_be_given(supplier):
    membership = add_administrator(email="zq@demo.example", organisation=supplier, name="Zoë Quill")

    assert membership.user.name == "Zoë Quill"


def test_member_of_another_job_becomes_administrator(supplier):
    member = make_membership(supplier, Job.VIEWER)

    add_administrator(email=member.user.email, organisation=supplier)

    member.refresh_from_db()
    assert member.job == Job.ADMINISTRATOR
    assert Membership.objects.count() == 1


def test_adding_an_administrator_again_changes_nothing(supplier):
    first = add_administrator(email="zq@demo.example", organisation=supplier)

    assert add_administrator(email="ZQ@demo.example", organisation=supplier) == first
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "email", ["", "zoe", "zoe@", "zoe quill@demo.example", "zoё@demo.example", f"z@{'z.' * 130}zz"]
)
def test_what_is_no_email_address_is_refused(supplier, email):
    refusal = refusal_of(add_administrator, email=email, organisation=supplier)

    assert "is not an email address." in str(refusal)
    assert refusal.field == "email"


def added(organisation: Organisation, email: str, **given: object) -> Membership:
    return add_member(**{"email": email, "name": "Zoe", "organisation": organisation, "job": Job.EDITOR} | given)


def test_member_with_a_password_may_sign_in(supplier):
    membership = added(supplier, "zq@demo.example", password="a good long password")

    assert membership.user.check_password("a good long password")
    assert (membership.job, membership.organisation) == (Job.EDITOR, supplier)


def test_person_may_be_member_of_supplier_and_map(supplier, asset_provider):
    first = added(supplier, "zq@demo.example")

    second = added(asset_provider, "zq@demo.example", name="Another", password="another password")

    assert first.user == second.user
    assert (second.user.name, second.user.has_usable_password()) == ("Zoe", False)


def test_member_is_not_added_twice(supplier):
    added(supplier, "zq@demo.example")

    refusal = refusal_of(added, organisation=supplier, email="zq@demo.example")

    assert str(refusal) == "Zoe is already a member of Zephyr Energy."


def test_person_of_the_dcc_holds_no_other_membership(dcc, supplier):
    added(dcc, "zq@demo.example")

    refusal = refusal_of(added, organisation=supplier, email="zq@demo.example")

    assert str(refusal) == "Zoe is a member of DCC. A member of the DCC cannot also act for others."
    assert Membership.objects.count() == 1


def test_person_of_an_organisation_does_not_join_the_dcc(dcc, supplier):
    added(supplier, "zq@demo.example")

    refusal = refusal_of(add_administrator, email="zq@demo.example", organisation=dcc)

    assert "Zoe is a member of Zephyr Energy." in str(refusal)


def test_person_whose_account_is_closed_is_not_added(supplier):
    user = make_user()
    overwrite(User.objects, is_active=False)

    refusal = refusal_of(added, organisation=supplier, email=user.email)

    assert f"The account of {user} is closed." in str(refusal)


def test_name_that_cannot_be_read_is_refused(supplier):
    assert refusal_of(added, organisation=supplier, email="zq@demo.example", name=" ").field == "name"


def test_address_that_belongs_to_another_account_is_refused(supplier):
    EmailAddress.objects.create(user=make_user(), email="zq@demo.example", verified=True, primary=False)

    refusal = refusal_of(added, organisation=supplier, email="zq@demo.example")

    assert str(refusal) == "There is already an account for zq@demo.example. Sign in to it."


# Jobs


@pytest.fixture
def admin(supplier):
    return make_membership(supplier, Job.ADMINISTRATOR)


def job_now(membership: Membership) -> str:
    return Membership.objects.get(pk=membership.pk).job


@pytest.mark.parametrize("job", Job)
def test_administrator_changes_the_job_of_a_member(supplier, admin, job):
    member = make_membership(supplier, Job.VIEWER)

    change_job(membership=member, job=job, by=Acting.under(admin))

    assert (job_now(member), member.job) == (job, job)


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_nobody_else_changes_a_job(supplier, job):
    member, own = make_membership(supplier, Job.VIEWER), make_membership(supplier, job)

    refusal = refusal_of(change_job, membership=member, job=Job.EDITOR, by=Acting.under(own))

    assert str(refusal) == "Only an administrator of Zephyr Energy can change memberships."
    assert job_now(member) == Job.VIEWER


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_nobody_raises_their_own_job(supplier, job):
    own = make_membership(supplier, job)

    refusal_of(change_job, membership=own, job=Job.ADMINISTRATOR, by=Acting.under(own))

    assert job_now(own) == job


def test_administrator_does_not_change_members_of_another_organisation(rival, admin):
    member = make_membership(rival, Job.VIEWER)

    refusal = refusal_of(change_job, membership=member, job=Job.EDITOR, by=Acting.under(admin))

    assert "is not a member of Zephyr Energy" in str(refusal)
    assert job_now(member) == Job.VIEWER


def test_last_administrator_stays_one(supplier, rival, admin):
    make_membership(supplier, Job.EDITOR)
    make_membership(rival, Job.ADMINISTRATOR)

    refusal = refusal_of(change_job, membership=admin, job=Job.EDITOR, by=Acting.under(admin))

    assert str(refusal) == (
        f"{admin.user} is the last administrator of Zephyr Energy. Make someone else an administrator first."
    )
    assert (refusal.field, job_now(admin)) == ("job", Job.ADMINISTRATOR)


def test_last_administrator_may_be_made_administrator_again(admin):
    change_job(membership=admin, job=Job.ADMINISTRATOR, by=Acting.under(admin))

    assert job_now(admin) == Job.ADMINISTRATOR


def test_administrator_steps_down_when_another_remains(supplier, admin):
    make_membership(supplier, Job.ADMINISTRATOR)

    change_job(membership=admin, job=Job.VIEWER, by=Acting.under(admin))

    assert job_now(admin) == Job.VIEWER


def test_administrator_whose_account_is_closed_does_not_count(supplier, admin):
    other = make_membership(supplier, Job.ADMINISTRATOR)
    overwrite(User.objects.filter(pk=other.user_id), is_active=False)

    refusal_of(change_job, membership=admin, job=Job.VIEWER, by=Acting.under(admin))

    assert job_now(admin) == Job.ADMINISTRATOR


def test_right_counts_as_it_stands_now(supplier, admin):
    make_membership(supplier, Job.ADMINISTRATOR)
    member, acting = make_membership(supplier, Job.VIEWER), Acting.under(admin)
    overwrite(Membership.objects.filter(pk=admin.pk), job=Job.VIEWER)

    refusal_of(change_job, membership=member, job=Job.EDITOR, by=acting)

    assert job_now(member) == Job.VIEWER


@pytest.mark.parametrize(("job", "may"), [(Job.ADMINISTRATOR, True), (Job.EDITOR, False)])
def test_command_acts_as_its_job_says(supplier, job, may):
    member = make_membership(supplier, Job.VIEWER)
    arguments = {"membership": member, "job": Job.EDITOR, "by": Acting(supplier, job)}

    change_job(**arguments) if may else refusal_of(change_job, **arguments)

    assert (job_now(member) == Job.EDITOR) is may


# Two at a time

two_connections = pytest.mark.django_db(transaction=True, databases=["default", "owner"])  # the owner cleans up


@contextmanager
def meanwhile(action: Callable, **arguments: object):
    """Another connection tries `action` while the block's transaction is open, and has to wait for its end."""

    def act() -> object:
        try:
            return action(**arguments)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool, transaction.atomic():
        waiting: list[Future] = []
        yield waiting
        waiting.append(pool.submit(act))
        with pytest.raises(TimeoutError):
            waiting[0].result(timeout=0.5)


@two_connections
def test_two_administrators_do_not_demote_each_other():
    organisation = make_organisation("Zephyr Energy")
    one, other = (make_membership(organisation, Job.ADMINISTRATOR) for _ in range(2))

    with meanwhile(change_job, membership=one, job=Job.VIEWER, by=Acting.under(other)) as second:
        change_job(membership=other, job=Job.VIEWER, by=Acting.under(one))

    assert isinstance(second[0].exception(), NotAllowed)
    assert (job_now(one), job_now(other)) == (Job.ADMINISTRATOR, Job.VIEWER)


@two_connections
def test_code_is_not_bound_to_two_organisations_at_once():
    make_participant("ZNEW", role=Role.SUPPLIER)
    one, other = make_organisation(), make_organisation()

    with meanwhile(bound, organisation=other) as second:
        bound(one)

    assert isinstance(second[0].exception(), NotAllowed)
    assert Binding.objects.get().organisation == one


@two_connections
def test_person_does_not_join_the_dcc_and_a_supplier_at_once():
    user, dcc, supplier = make_user(), make_organisation(role=Role.DCC), make_organisation()

    with meanwhile(added, organisation=supplier, email=user.email) as second:
        added(dcc, user.email)

    assert isinstance(second[0].exception(), NotAllowed)
    assert Membership.objects.get().organisation == dcc


@two_connections
@pytest.mark.parametrize("first", ["joins", "adds"])
def test_address_of_a_dcc_member_and_another_organisations_domain_are_not_there_at_once(first):
    dcc, sign_on = make_organisation(role=Role.DCC), make_sign_on(make_organisation("Zephyr Energy"))
    one, other = (Acting.under(make_membership(dcc, Job.ADMINISTRATOR)) for _ in range(2))
    joins = partial(added, organisation=dcc, email="nia@zephyr.example")
    adds = partial(add_domain, sign_on=sign_on, domain="zephyr.example", added_by=one.user, by=other)

    with meanwhile(adds if first == "joins" else joins) as second:
        (joins if first == "joins" else adds)()

    assert "zephyr.example" in str(second[0].exception())
    assert Membership.objects.filter(user__email="nia@zephyr.example").count() == (first == "joins")
    assert MailDomain.objects.count() == (first == "adds")
