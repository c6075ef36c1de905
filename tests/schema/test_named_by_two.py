"""Databases in which one person alone set up single sign-on, before that took two: nobody is vouched for any longer."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.utils import timezone

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
BEFORE, AFTER = ("accounts", "0006_audit_evidence"), ("accounts", "0007_named_by_two")


@pytest.fixture
def scratch() -> Iterator[str]:
    """Another, empty database of the owner's."""
    name = connections["owner"].settings_dict["NAME"] + "_before"
    with connections["owner"].creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    connections["scratch"] = connections["owner"].copy("scratch")
    connections["scratch"].settings_dict = connections["owner"].settings_dict | {"NAME": name}
    yield "scratch"
    connections["scratch"].close()
    del connections["scratch"]
    with connections["owner"].creation._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def migrated(to: tuple[str, str]) -> StateApps:
    """The models as they are after that migration."""
    executor = MigrationExecutor(connections["scratch"])
    return executor.migrate([to]).apps


def test_what_one_person_set_up_is_off_and_unproven_and_two_can_set_it_up_again(scratch):
    now = timezone.now()
    apps = migrated(BEFORE)
    models = {name: apps.get_model("accounts", name) for name in ("User", "Organisation", "SingleSignOn", "MailDomain")}
    rows = {name: model.objects.using(scratch) for name, model in models.items()}
    person = rows["User"].create(email="dcc.admin@demo.example", name="Dilip")
    app = apps.get_model("socialaccount", "SocialApp").objects.using(scratch).create(client_id="c", provider_id="z")
    organisation = rows["Organisation"].create(name="Zephyr Energy", role="supplier")
    sign_on = rows["SingleSignOn"].create(organisation_id=organisation.pk, app_id=app.pk, is_active=True)
    domains = {"proven.example": {"proven_at": now}, "waiting.example": {}}
    domains["former.example"] = {"proven_at": now, "given_up_at": now}
    for domain, moments in domains.items():
        rows["MailDomain"].create(
            single_sign_on_id=sign_on.pk, domain=domain, added_by_id=person.pk, secret_hash=domain, **moments
        )

    apps = migrated(AFTER)

    after = apps.get_model("accounts", "SingleSignOn").objects.using(scratch).get()
    assert (after.is_active, after.named_by, after.approved_by) == (False, None, None)
    assert after.app.client_id == "c"  # stays, to be entered again by two
    found = apps.get_model("accounts", "MailDomain").objects.using(scratch)
    assert {domain.domain: domain.given_up_at is not None for domain in found} == dict.fromkeys(domains, True)
    assert not found.exclude(proven_at=None).exists()
    assert found.get(domain="former.example").given_up_at == now
    with pytest.raises(IntegrityError, match="sign_on_named_by_two"):
        apps.get_model("accounts", "SingleSignOn").objects.using(scratch).update(is_active=True)
    found.create(single_sign_on_id=after.pk, domain="proven.example")  # another proof can begin
