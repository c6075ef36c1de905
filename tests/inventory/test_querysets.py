"""Who sees which devices, and what is worth checking about them."""

from datetime import date, timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts.roles import Role
from inventory.devices.worklists import WORKLISTS
from inventory.models import Device, Status
from inventory.quality import FLAGS
from tests.as_owner import overwrite
from tests.factories import bind, listed, make_device, make_hub, make_organisation, make_participant, supplied_by

pytestmark = pytest.mark.usefixtures("operator")

TODAY = timezone.localdate()


def ids(queryset) -> list[str]:
    return sorted(queryset.values_list("device_id", flat=True))


def chosen(name: str, who) -> list[str]:
    """The devices of a worklist; each once, as its conditions do not overlap."""
    devices = Device.objects.visible_to(who)
    found = [device for part in WORKLISTS[name].choose(who).listed for device in ids(devices.filter(part))]
    return sorted(found)


def flags(device: Device, who) -> str:
    return Device.objects.with_quality_flags(who, TODAY).get(pk=device.pk).quality_flags


def test_nobody_sees_nothing(supplier):
    make_device("ZEPH")

    assert ids(Device.objects.visible_to(None)) == []


def test_supplier_sees_devices_of_its_codes_in_both_fuels(supplier, rival, acting):
    electric = make_device("ZEPH")
    gas = make_device("ZPG", "ZMG", device_type="GSME")
    make_device("ZODI")

    assert ids(Device.objects.visible_to(acting(supplier))) == sorted([electric.device_id, gas.device_id])


def test_map_sees_devices_with_its_map_ids_only(supplier, asset_provider, rival_provider, acting):
    own = make_device("ZEPH", "ZMAP")
    make_device("ZEPH", "ZMAB")
    make_device("ZEPH", None)

    assert ids(Device.objects.visible_to(acting(asset_provider))) == [own.device_id]


def test_dcc_sees_everything(supplier, rival, dcc, acting):
    devices = [make_device("ZEPH"), make_device("ZODI", None), make_hub("ZODI")]

    assert ids(Device.objects.visible_to(acting(dcc))) == sorted(d.device_id for d in devices)


def test_organisation_without_codes_sees_nothing(supplier, acting):
    make_device("ZEPH")

    assert ids(Device.objects.visible_to(acting(make_organisation(role=Role.SUPPLIER)))) == []


def test_binding_that_has_ended_gives_no_sight(acting):
    organisation = make_organisation(role=Role.SUPPLIER)
    bind(organisation, make_participant("ZEPH", role=Role.SUPPLIER), valid_to=TODAY - timedelta(days=1))
    make_device("ZEPH")

    assert ids(Device.objects.visible_to(acting(organisation))) == []


def test_codes_bound_on_a_day_give_sight_of_the_devices_of_that_day(acting):
    organisation = make_organisation(role=Role.SUPPLIER)
    yesterday = TODAY - timedelta(days=1)
    bind(organisation, make_participant("ZEPH", role=Role.SUPPLIER), valid_to=yesterday)
    device = make_device("ZEPH")
    who = acting(organisation)

    assert ids(Device.objects.as_of(yesterday).visible_to(who, yesterday)) == [device.device_id]
    assert ids(Device.objects.as_of(TODAY).visible_to(who, TODAY)) == []


def test_device_of_a_day_is_seen_by_its_supplier_of_that_day(supplier, rival, acting):
    device = make_device("ZEPH")
    supplied_by(device, "ZODI", TODAY)
    yesterday = TODAY - timedelta(days=1)

    for organisation, days in ((supplier, [True, False]), (rival, [False, True])):
        who = acting(organisation)
        seen = [Device.objects.as_of(day).visible_to(who, day).exists() for day in (yesterday, TODAY)]
        assert seen == days


def test_code_of_the_other_role_gives_no_sight(supplier, acting):
    """13 real codes are both MAP and supplier: the binding's role decides."""
    make_participant("ZEPH", role=Role.MAP)
    make_device("ZODI", "ZEPH")

    assert ids(Device.objects.visible_to(acting(supplier))) == []


def test_ended_participant_keeps_its_devices(asset_provider, acting):
    entry = listed("ZMAP")
    overwrite(entry, effective_to=TODAY - timedelta(days=1))
    device = make_device("ZEPH", "ZMAP")

    assert ids(Device.objects.visible_to(acting(asset_provider))) == [device.device_id]


def test_worklist_holds_missing_and_ended_map_ids(supplier, dcc, acting):
    ended = make_device("ZEPH", "ZOLD", asset_provider=make_participant("ZOLD", effective_to=date(2020, 1, 1)))
    missing = make_device("ZEPH", None)
    make_device("ZEPH", "ZMAP")
    make_device("ZEPH", None, smets_generation=1)
    make_hub("ZEPH")

    assert chosen("map-id", acting(supplier)) == sorted([ended.device_id, missing.device_id])
    assert chosen("map-id", acting(dcc)) == sorted([ended.device_id, missing.device_id])


def test_code_that_was_listed_again_is_valid(dcc, acting):
    """An entry that ended is still valid when the same code has an entry in force."""
    old = make_participant("ZAGN", effective_to=date(2020, 1, 1))
    make_participant("ZAGN", effective_from=date(2021, 1, 1))
    device = make_device("ZEPH", "ZAGN", asset_provider=old)

    assert chosen("map-id", acting(dcc)) == []
    assert flags(device, acting(dcc)) == ""


def test_duplicate_msn_is_flagged_within_the_own_scope_only(supplier, rival, dcc, acting):
    device = make_device("ZEPH", msn="Z1 23")
    make_device("ZODI", msn="Z123")

    assert flags(device, acting(supplier)) == ""
    assert flags(device, acting(dcc)) == "duplicate_msn"


def test_flags_of_a_whole_scope_are_those_of_each_row(supplier, rival, dcc, acting):
    for code, msn in (("ZEPH", "Z1 23"), ("ZODI", "Z123"), ("ZEPH", "Z9"), ("ZEPH", ""), ("ZEPH", "")):
        make_device(code, msn=msn)

    for who in (acting(supplier), acting(dcc)):
        devices = Device.objects.visible_to(who)
        by_row = devices.with_quality_flags(who, TODAY).order_by("pk")
        at_once = devices.with_quality_flags(who, TODAY, among=devices).order_by("pk")
        assert [d.quality_flags for d in by_row] == [d.quality_flags for d in at_once]


SHARED = [("ZEPH", "ZMAP", "Z1 23"), ("ZTWO", "ZMAP", "Z123"), ("ZTWO", "ZMAB", "Z123")]


def test_worklist_of_shared_msns_holds_those_of_the_own_scope(supplier, rival, asset_provider, acting):
    bind(supplier, make_participant("ZTWO", role=Role.SUPPLIER))
    shared = [
        make_device("ZEPH", msn="Z1 23"),
        make_device("ZTWO", msn="Z123"),
        make_device("ZTWO", "ZMAB", msn="Z123"),
    ]
    make_device("ZEPH", msn="Z123", manufacturer="ZT20")
    make_device("ZODI", "ZMAB", msn="Z9")
    make_device("ZEPH", "ZMAB", msn="Z9")
    make_device("ZEPH", msn="")
    make_device("ZEPH", msn="")

    assert chosen("duplicate-msn", acting(supplier)) == ids(Device.objects.filter(pk__in=[d.pk for d in shared]))
    assert chosen("duplicate-msn", acting(asset_provider)) == sorted(d.device_id for d in shared[:2])
    assert chosen("duplicate-msn", acting(make_organisation(role=Role.SUPPLIER))) == []


def test_worklist_of_many_shared_msns_is_the_same(supplier, rival, acting, monkeypatch):
    for code, msn in (("ZEPH", "Z1"), ("ZEPH", "Z1"), ("ZEPH", "Z2"), ("ZODI", "Z2"), ("ZEPH", "Z3"), ("ZEPH", "Z3")):
        make_device(code, msn=msn)
    who = acting(supplier)
    few = chosen("duplicate-msn", who)

    monkeypatch.setattr("inventory.devices.worklists.MANY", 3)

    assert chosen("duplicate-msn", who) == few
    assert len(few) == 4


def test_same_msn_of_another_manufacturer_is_no_duplicate(supplier, acting):
    device = make_device("ZEPH", msn="Z123")
    make_device("ZEPH", msn="Z123", manufacturer="ZT20")

    assert flags(device, acting(supplier)) == ""


def test_two_meters_without_msn_are_no_duplicates(supplier, acting):
    device = make_device("ZEPH", msn="")
    make_device("ZEPH", msn="")

    assert flags(device, acting(supplier)) == "no_msn"


def test_flags_stand_in_alphabetical_order(supplier, acting):
    device = make_device("ZEPH", None, msn="", unusual_status_move=True)

    assert flags(device, acting(supplier)) == "no_map_id;no_msn;unusual_status_move"


def test_doubtful_days_of_a_map_id_are_flagged(supplier, acting):
    early = make_device("ZEPH", map_from=date(2020, 1, 1))
    without = make_device("ZEPH", installed_on=None)

    assert flags(early, acting(supplier)) == "map_from_before_installed"
    assert flags(without, acting(supplier)) == "map_id_without_installation"


def test_every_flag_has_its_words(supplier, acting):
    conditions = Device.objects.all()._flag_conditions(Q(), TODAY)

    assert [code for code, _ in conditions] == sorted(FLAGS)


def test_usual_moves_cover_every_status():
    from inventory.models import USUAL_STATUS_MOVES

    assert set(USUAL_STATUS_MOVES) == set(Status)
