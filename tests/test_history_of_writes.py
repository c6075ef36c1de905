"""Every write leaves what was before and after, and who it was, whichever way it came."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
import structlog
from django.db import connection, transaction
from django_structlog.signals import bind_extra_request_metadata

from accounts.acting import Acting, Origin, explaining, scope
from accounts.models import BindingEvent, Membership, MembershipEvent, OrganisationEvent, Participant, ParticipantEvent
from accounts.operator import system_scope
from accounts.roles import Job, Role
from inventory.loads.devices import load_devices
from inventory.models import Device, DeviceEvent, ProviderPeriod, StepKind, SupplyPeriod
from inventory.recording.record import record_items
from inventory.rules.loading import TEXTS
from inventory.rules.recording import Recording
from tests.as_owner import overwrite
from tests.factories import INSTALLED, bind, listed, make_device, make_membership, make_organisation, provided_by
from tests.server import database_url

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def device(supplier, asset_provider) -> Device:
    return make_device("ZEPH", None, msn="Z1")


def msns(device: Device) -> list[str]:
    return list(DeviceEvent.objects.filter(pgh_obj=device.pk).order_by("pgh_id").values_list("msn", flat=True))


def words(device: Device) -> dict[str, object]:
    """Who and why, of the last write."""
    return DeviceEvent.objects.filter(pgh_obj=device.pk).latest("pgh_id").pgh_context


@pytest.fixture
def request_ids() -> Iterator[list[str]]:
    """The ids of the requests served, as the log and the error pages show them."""
    seen = []

    def note(**given: object) -> None:
        seen.append(structlog.contextvars.get_contextvars()["request_id"])

    bind_extra_request_metadata.connect(note)
    yield seen
    bind_extra_request_metadata.disconnect(note)


@pytest.fixture
def editor(supplier, acting) -> Acting:
    return acting(supplier)


# Each way in


def test_saved_object(device):
    device.msn = "Z2"
    device.save()

    assert msns(device) == ["Z1", "Z2"]


def test_update_of_a_set(device):
    others = [make_device("ZEPH", None, msn="Z1") for _ in range(3)]

    Device.objects.update(msn="Z2")

    assert [msns(each) for each in (device, *others)] == [["Z1", "Z2"]] * 4


def test_bulk_create_and_bulk_update(device):
    device.msn = "Z2"
    Device.objects.bulk_update([device], ["msn"])

    assert msns(device) == ["Z1", "Z2"]


def test_plain_sql_on_a_set(device):
    other = make_device("ZEPH", None, msn="Z1")

    with connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_device SET msn = 'Z' || id")

    assert [msns(each) for each in (device, other)] == [["Z1", f"Z{device.pk}"], ["Z1", f"Z{other.pk}"]]


def test_update_that_changes_nothing_leaves_nothing(device):
    Device.objects.update(msn="Z1")

    assert msns(device) == ["Z1"]


def test_every_item_of_a_device_is_kept(device):
    """What a device was, item by item, but for its parties, which have steps."""
    event = DeviceEvent.objects.get(pgh_obj=device)
    kept = {field.attname for field in DeviceEvent._meta.concrete_fields if not field.attname.startswith("pgh_")}

    device.refresh_from_db()
    assert {name: getattr(event, name) for name in kept} == {name: getattr(device, name) for name in kept}
    followed = {"supplier_id", "supplier_from", "previous_supplier_id", "previous_supplier_to", "asset_provider_id"}
    followed |= {"map_from", "map_recorded_at", "map_recorded_for", "fuel", "msn_key"}
    assert {field.attname for field in Device._meta.concrete_fields} == kept | followed


def test_undone_write_leaves_nothing(device):
    with system_scope("tests"):
        Device.objects.update(msn="Z2")
        transaction.set_rollback(True)

    assert msns(device) == ["Z1"]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_psql_with_no_django_about_it(device, alias):
    with psycopg.connect(database_url(alias)) as plain:
        plain.execute("SET LOCAL portal.operator = 'repair 17'")
        plain.execute("UPDATE inventory_device SET msn = 'Z2'")
        plain.execute("UPDATE inventory_device SET msn = 'Z3'")

    assert msns(device) == ["Z1", "Z2", "Z3"]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_psql_that_tells_why_has_it_in_history(device):
    with psycopg.connect(database_url()) as plain:
        plain.execute("SET LOCAL portal.operator = 'repair 17'")
        plain.execute("""SET LOCAL pghistory.context_metadata = '{"operator": "repair 17", "via": "psql"}'""")
        plain.execute("UPDATE inventory_device SET msn = 'Z2'")

    assert words(device) == {"operator": "repair 17", "via": "psql"}


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_step_by_psql_stands_on_the_device_with_its_history(device, asset_provider):
    with psycopg.connect(database_url()) as plain:
        plain.execute("SET LOCAL portal.operator = 'repair 17'")
        plain.execute("""SET LOCAL pghistory.context_metadata = '{"operator": "repair 17", "via": "psql"}'""")
        plain.execute(
            "SELECT write_steps('provider', ARRAY[%s::bigint], '{2025-01-01}', ARRAY[%s::bigint], '{first}')",
            [device.pk, listed("ZMAP").pk],
        )

    device.refresh_from_db()
    assert (device.asset_provider.code, device.map_from, device.version) == ("ZMAP", date(2025, 1, 1), 2)
    assert DeviceEvent.objects.filter(pgh_obj=device).count() == 2
    assert ProviderPeriod.objects.get().via == "psql"


# Who and why


def test_action_tells_who_for_whom_of_what_kind_and_why(device, editor):
    recording = Recording(msn="Z2", kind=StepKind.CORRECTION, source="nameplate photo", reason="typed wrongly")

    with scope(editor):
        record_items(device_id=device.device_id, recording=recording, expected_version=1, by=editor)

    assert words(device) == {
        "person": editor.user.pk,
        "organisation": editor.organisation.pk,
        "via": "command",
        "request": "",
        "batch": str(editor.origin.batch),
        "kind": "correction",
        "source": "nameplate photo",
        "reason": "typed wrongly",
        "code": "ZEPH",
    }


def test_recording_by_the_page_carries_its_request(device, supplier, sign_in, request_ids):
    browser = sign_in(supplier, Job.EDITOR)
    form = {"version": 1, "msn": "Z2", "kind": "correction", "source": "nameplate photo"}

    answer = browser.submit(f"/devices/{device.device_id}/edit/confirm/", form)

    assert answer.status_code == 302
    told = words(device)
    assert (told["person"], told["organisation"]) == (browser.membership.user_id, supplier.pk)
    assert (told["via"], told["request"], told["kind"], told["source"]) == (
        "page", request_ids[-1], "correction", "nameplate photo",
    )  # fmt: skip


def test_map_id_by_the_page_is_a_step_and_a_row_of_history_of_one_request(device, supplier, sign_in, request_ids):
    browser = sign_in(supplier, Job.EDITOR)
    form = {"version": 1, "msn": "Z1", "map_id": "ZMAP", "map_from": "2024-03-01", "source": "contract 9"}

    browser.submit(f"/devices/{device.device_id}/edit/confirm/", form)

    step = ProviderPeriod.objects.get(device=device)
    assert (step.recorded_by, step.organisation, step.recorded_for) == (browser.membership.user, supplier, "ZEPH")
    assert (step.via, step.kind, step.source) == ("page", "first", "contract 9")
    told = words(device)
    assert (told["request"], told["kind"], told["source"]) == (request_ids[-1], "first", "contract 9")
    assert DeviceEvent.objects.filter(pgh_obj=device).count() == 2


def test_load_tells_its_file(device, tmp_path):
    path = tmp_path / "night.csv"
    row = dict.fromkeys(TEXTS[:17], "") | {"device_id": device.device_id, "status": "Suspended"}
    row |= {"device_type": "ESME", "status_from": "2025-01-01"}
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")

    with system_scope("load_devices"):
        load_devices(path)

    told = words(device)
    assert (told["operator"], told["via"], told["source"]) == ("load_devices", "load", "device load night.csv")


def test_change_of_supplier_by_a_load_tells_its_file(device, tmp_path):
    listed("ZODI", Role.SUPPLIER)
    path = tmp_path / "switch.csv"
    row = dict.fromkeys([*TEXTS[:17], "supplier_from"], "") | {"device_id": device.device_id, "device_type": "ESME"}
    row |= {"status": "Commissioned", "status_from": INSTALLED.isoformat()}
    row |= {"supplier_id": "ZODI", "supplier_from": "2025-01-01"}
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")

    with system_scope("load_devices"):
        load_devices(path)

    step = SupplyPeriod.objects.get(participant__code="ZODI")
    assert (step.kind, step.via, step.recorded_for, step.source) == ("change", "load", "DCC", "device load switch.csv")
    assert words(device)["source"] == "device load switch.csv"


def test_step_closes_the_one_before_at_its_moment(device):
    provided_by(device, "ZMAP")
    provided_by(device, "ZMAB", kind=StepKind.CORRECTION)

    first, second = ProviderPeriod.objects.order_by("known")
    assert first.known.upper == second.known.lower
    assert second.known.upper is None


# People, organisations, codes


def test_members_organisations_codes_and_the_list_have_history_too(supplier, editor):
    membership = make_membership(supplier, Job.VIEWER)
    binding = bind(supplier, listed("ZNEW", Role.SUPPLIER))
    with (
        scope(Acting(supplier, Job.ADMINISTRATOR, editor.user, None, Origin("page", "r-1"))),
        explaining(reason="leaves"),
    ):
        overwrite(Membership.objects.filter(pk=membership.pk), job=Job.EDITOR)
        overwrite(type(supplier).objects.filter(pk=supplier.pk), is_active=False)
        overwrite(type(binding).objects.filter(pk=binding.pk), valid_to=date(2026, 1, 1))
        overwrite(Participant.objects.filter(code="ZNEW"), name="New name")

    def kept(model, key: int, item: str) -> list[object]:
        events = model.objects.filter(pgh_obj=key).order_by("pgh_id")
        assert events.last().pgh_context | {"reason": "leaves", "request": "r-1"} == events.last().pgh_context
        return list(events.values_list(item, flat=True))

    assert kept(MembershipEvent, membership.pk, "job") == ["viewer", "editor"]
    assert kept(OrganisationEvent, supplier.pk, "is_active") == [True, False]
    assert kept(BindingEvent, binding.pk, "valid_to") == [None, date(2026, 1, 1)]
    assert kept(ParticipantEvent, listed("ZNEW", Role.SUPPLIER).pk, "name") == ["ZNEW Limited", "New name"]


def test_job_changed_by_the_page_tells_who_did_it(supplier, sign_in, request_ids):
    administrator, member = sign_in(supplier, Job.ADMINISTRATOR), make_membership(supplier, Job.VIEWER)

    answer = administrator.submit(f"/organisation/members/{member.pk}/", {"job": "editor", "job_shown": "viewer"})

    assert answer.status_code == 302
    told = MembershipEvent.objects.filter(pgh_obj=member).latest("pgh_id").pgh_context
    assert (told["person"], told["via"], told["request"]) == (administrator.membership.user_id, "page", request_ids[-1])


def test_operators_command_tells_its_reason(db):
    with system_scope("add_organisation"):
        organisation = make_organisation("Zulu Metering", Role.MAP)

    event = OrganisationEvent.objects.get(pgh_obj=organisation)
    assert event.pgh_context.keys() == {"operator", "via", "batch"}
    assert (event.pgh_context["operator"], event.pgh_context["via"]) == ("add_organisation", "command")
