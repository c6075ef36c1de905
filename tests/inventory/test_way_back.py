"""Breadcrumbs lead from a device back to the list it was opened from: its filters, and the same page of it."""

import re

import pytest
from django.core.signing import b64_decode
from django.db import connection

from accounts.roles import Job
from inventory.models import Device
from tests.conftest import Browser
from tests.factories import make_device, make_membership

DEVICE = "00-DB-12-34-56-78-90-A0"
HOST = "http://testserver"


@pytest.fixture
def device(supplier) -> Device:
    return make_device("ZEPH", device_id=DEVICE, mpxn="9910000001006")


@pytest.fixture
def editor(supplier, device) -> Browser:
    return Browser(make_membership(supplier, Job.EDITOR))


def opened_from(browser: Browser, address: str, path: str = f"/devices/{DEVICE}/"):
    return browser.get(path, headers={"referer": address})


def crumb(response) -> tuple[str, str]:
    link = re.search(r'govuk-breadcrumbs__link" href="([^"]*)">([^<]*)<', response.content.decode())
    return link[1].replace("&amp;", "&"), link[2]


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("/devices/?device_type=ESME&installed_from=1%2F5%2F2020", "Devices"),
        ("/devices/?after=abc-DEF_1", "Devices"),
        ("/search/?q=00DB12", "Search results"),
        ("/devices/to-do/msn/?after=abc", "No MSN recorded"),
        ("/devices/", "Devices"),
    ],
)
def test_every_page_of_a_device_leads_back_to_its_list(editor, address, label):
    assert crumb(opened_from(editor, HOST + address)) == (address, label)
    for page in ("", "history/", "edit/"):
        assert crumb(opened_from(editor, f"{HOST}/devices/{DEVICE}/", f"/devices/{DEVICE}/{page}")) == (address, label)


def test_later_list_takes_the_place_of_the_one_before(editor):
    opened_from(editor, f"{HOST}/devices/?device_type=ESME")
    opened_from(editor, f"{HOST}/devices/")

    assert crumb(editor.get(f"/devices/{DEVICE}/")) == ("/devices/", "Devices")


ELSEWHERE = [
    "",
    "javascript:alert(1)",
    "http://[",
    "https://evil.example/devices/?msn=1",
    "//evil.example/devices/?msn=1",
    "http://testserver.evil.example/devices/",
    "http://testserver@evil.example/devices/",
    f"{HOST}//evil.example/",
    f"{HOST}/audit/?kind=search",
    f"{HOST}/nowhere/",
    f"{HOST}/devices/?msn={'1' * 3_000}",
    f"{HOST}/devices/to-do/nothing/",
    f"{HOST}/devices/{DEVICE}/history/?as_of=1/1/2026",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_nothing_else_is_taken_for_a_list(editor, address):
    assert crumb(opened_from(editor, address)) == ("/devices/", "Devices")


def test_address_is_written_as_text(editor):
    page = opened_from(editor, f'{HOST}/devices/?msn="><script>alert(1)</script>').content.decode()

    assert "<script>alert" not in page


def test_list_is_remembered_for_one_session_and_one_device(supplier, editor):
    other = make_device("ZEPH")
    opened_from(editor, f"{HOST}/devices/?device_type=ESME")

    assert crumb(Browser(editor.membership).get(f"/devices/{DEVICE}/")) == ("/devices/", "Devices")
    assert crumb(editor.get(f"/devices/{other.device_id}/")) == ("/devices/", "Devices")


def test_mpxn_of_a_filter_is_kept_encrypted(editor):
    opened_from(editor, f"{HOST}/devices/?mpxn=9910000001006")

    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM portal_cache")
        kept = [b64_decode(value.partition(":")[0].encode()) for (value,) in cursor.fetchall()]
    assert kept
    assert not [value for value in kept if b"9910000001006" in value]
