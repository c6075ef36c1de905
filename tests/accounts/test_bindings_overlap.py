"""The database itself refuses that a code is bound twice on one date, whoever writes, and at once."""

import threading
from datetime import date

import psycopg
import pytest
from django.db import IntegrityError, transaction

from accounts.models import Binding, Fuel
from accounts.roles import Role
from tests.as_owner import as_owner
from tests.factories import make_participant
from tests.server import database_url

BIND = """
INSERT INTO accounts_binding (fuel, role, code, organisation_id, valid_from, valid_to)
VALUES ('E', 'supplier', 'ZNEW', %s, %s, %s)
"""
FIRST, LAST = date(2025, 1, 1), date(2025, 6, 30)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("begins", "ends", "fits"),
    [
        (date(2024, 1, 1), date(2024, 12, 31), True),
        (date(2025, 7, 1), None, True),
        (date(2024, 1, 1), FIRST, False),
        (LAST, None, False),
        (date(2025, 2, 1), date(2025, 2, 1), False),
        (date(2024, 1, 1), None, False),
    ],
)
def test_periods_of_a_code_do_not_overlap(operator, supplier, rival, begins, ends, fits):
    make_participant("ZNEW", role=Role.SUPPLIER)
    given = {"fuel": Fuel.ELECTRICITY, "role": Role.SUPPLIER, "code": "ZNEW"}
    with as_owner():
        Binding.objects.create(organisation=supplier, valid_from=FIRST, valid_to=LAST, **given)
        try:
            with transaction.atomic():
                Binding.objects.create(organisation=rival, valid_from=begins, valid_to=ends, **given)
        except IntegrityError:
            assert not fits
        else:
            assert fits


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_of_two_who_bind_a_code_at_once_one_is_refused(operator, supplier, rival):
    make_participant("ZNEW", role=Role.SUPPLIER)
    outcomes: list[str] = []

    def bind_second() -> None:
        with psycopg.connect(database_url("owner")) as second:
            try:
                second.execute(BIND, [rival.pk, FIRST, None])
                outcomes.append("bound")
            except psycopg.errors.ExclusionViolation:
                outcomes.append("refused")

    with psycopg.connect(database_url("owner")) as first:
        first.execute(BIND, [supplier.pk, FIRST, None])
        thread = threading.Thread(target=bind_second)
        thread.start()
        thread.join(1)
        assert outcomes == []  # it waits
        first.commit()
        thread.join(10)

    assert outcomes == ["refused"]
