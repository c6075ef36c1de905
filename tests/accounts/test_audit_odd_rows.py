"""Rows that the portal's login adds by SQL of its own: whatever they say, the trail is sealed, shown and downloaded."""

import inspect
import json
import re

import pytest
from django.db import IntegrityError, connection

from accounts.audit.kinds import LABELS
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.trail import words as trail_words
from smi_portal.oversight import names, words
from tests.accounts.audit_help import seal_audit

SOURCES = "".join(inspect.getsource(module) for module in (words, names, trail_words))
NAMES = {*names.NAMED, "proposal", "member", "added", "as_of"} | set(re.findall(r"details\.get\([\"'](\w+)", SOURCES))
ODD = [None, [], [{}], "x", -1, 10**30, 1.5, True, {"a": []}]
NOTE_ACTS = "SELECT note_acts(%s, %s, %s, %s, '', ARRAY['x'], ARRAY[-1], ARRAY[%s]::jsonb[], '{}')"


def add(kind: str, details: object, organisation: int, via: str = "page") -> None:
    with connection.cursor() as cursor:
        cursor.execute(NOTE_ACTS, [kind, 2**62, organisation, via, json.dumps(details)])


def test_odd_rows_stop_neither_page_nor_file(operator, supplier, dcc, sign_in):
    kinds = (*LABELS, "no_such_kind", "=1+1")
    for kind in kinds:
        for value in ODD:
            add(kind, dict.fromkeys(NAMES, value), supplier.pk, via="api")

    for reader in (sign_in(organisation, Job.ADMINISTRATOR) for organisation in (supplier, dcc)):
        assert reader.get("/audit/").status_code == 200
        file = b"".join(reader.get("/audit/download/"))
        assert file.count(b"\r\n") > len(kinds) * len(ODD)
        assert b"is said to have done this: no_such_kind" in file


@pytest.mark.parametrize("details", [[], None, "x", 5])
def test_details_are_an_object(operator, supplier, details):
    with pytest.raises(IntegrityError, match="details of an act are an object"):
        add("search", details, supplier.pk)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_unknown_kind_is_sealed(operator, supplier):
    add("no_such_kind", {"a": 1}, supplier.pk)

    seal_audit()

    assert not AuditRow.objects.unsealed().exists()
