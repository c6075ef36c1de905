"""The cache: what the portal did not write is neither run nor believed, and a write counts no rows."""

import base64
import os
import pickle
from pathlib import Path

import pytest
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.core.signing import JSONSerializer
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import expiry
from accounts.actions import forget_expired
from accounts.models import User
from accounts.roles import Job
from tests.accounts.sign_in_help import LOGIN, PASSWORD, give_password, is_signed_in, signed_in
from tests.factories import make_membership, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(supplier) -> User:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD)).user


class Attack:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


def update(statement: str, *values: object) -> int:
    """As the portal's login; the number of rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("smi",)
        cursor.execute(statement, values)
        return cursor.rowcount


def attacks(path: Path) -> list[str]:
    pickled = base64.b64encode(pickle.dumps(Attack(path))).decode()
    of_another_key = signing.dumps("x", salt="another key")
    return [pickled, f"{pickled}:x:y", '["not signed"]', of_another_key, ""]


def test_what_the_login_writes_into_the_cache_is_not_run_at_the_next_failed_sign_in(user, tmp_path):
    give_password(Client(), user, "a guess")

    for attack in attacks(tmp_path / "was-here"):
        assert update("UPDATE portal_cache SET value = %s", attack) > 0
        answer = give_password(Client(), user, "a guess", address="192.0.2.7")
        assert answer.status_code == 200

    assert not (tmp_path / "was-here").exists()


def test_what_the_login_writes_into_a_session_is_not_run_either(operator, user, tmp_path):
    browser = signed_in(user)

    for attack in attacks(tmp_path / "was-here"):
        assert update("UPDATE accounts_session SET session_data = %s", attack) == 1
        assert browser.get(LOGIN).status_code == 200

    assert not (tmp_path / "was-here").exists()
    assert not is_signed_in(browser)


def test_whatever_keeps_values_of_the_portal_keeps_json():
    """Also those that nobody set: Django's defaults could change."""
    assert import_string(settings.SESSION_SERIALIZER) is JSONSerializer
    assert [options["BACKEND"] for options in settings.CACHES.values()] == ["accounts.cache.JsonCache"]
    with pytest.raises(TypeError, match="not JSON serializable"):
        cache.set("a-key", timezone.now())


def test_entry_copied_from_another_key_is_missing():
    cache.set("one", 1)
    cache.set("other", 2)
    one = cache.make_key("one")

    update("UPDATE portal_cache SET value = (SELECT value FROM portal_cache WHERE cache_key = %s)", one)

    assert cache.get_many(["one", "other"]) == {"one": 1}


# What Django asks of a cache


@pytest.mark.parametrize("value", [True, None, 0, "y", [1764322800.25, 2.5], {"a": [1]}, "\0 \ud7ff 🔑"])
def test_value_comes_back(value):
    cache.set("a-key", value)

    assert cache.get("a-key", "missing") == value
    assert "a-key" in cache


def test_missing_entry_gives_the_default():
    assert cache.get("a-key", "missing") == "missing"
    assert cache.get_many([]) == {}
    assert "a-key" not in cache


def test_second_value_replaces_the_first():
    cache.set("a-key", 1)
    cache.set("a-key", 2)

    assert cache.get("a-key") == 2
    assert cache.incr("a-key") == 3


def test_only_the_first_adds():
    assert [cache.add("a-key", value) for value in (1, 2)] == [True, False]
    assert cache.get("a-key") == 1


def test_expired_entry_is_missing_and_added_again():
    cache.set("a-key", 1, -1)

    assert cache.get("a-key") is None
    assert not cache.touch("a-key", 60)
    assert cache.add("a-key", 2)
    assert cache.get("a-key") == 2


@pytest.mark.parametrize("timeout", [60, 0.5, None])
def test_entry_can_be_made_to_last_longer(timeout):
    cache.set("a-key", 1, 300)

    assert cache.touch("a-key", timeout)
    assert cache.get("a-key") == 1


def test_entries_are_deleted():
    cache.set_many({"one": 1, "other": 2, "third": 3, "fourth": 4})

    assert [cache.delete("one") for _ in range(2)] == [True, False]
    cache.delete_many(["other", "missing"])
    assert cache.get_many(["one", "other", "third"]) == {"third": 3}
    cache.clear()
    assert "fourth" not in cache


def test_key_is_stored_as_a_hash_however_long():
    cache.set("jwt:iss=https://provider.example,jti=" + "\0é" * 500, 1)
    cache.set("203.0.113.1", 1, version=2)

    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM portal_cache")
        assert [len(key) for (key,) in cursor] == [64, 64]


def test_write_is_one_statement_that_counts_nothing(django_assert_num_queries):
    with django_assert_num_queries(1) as asked:
        cache.set("a-key", 1)
    with django_assert_num_queries(1):
        cache.add("a-key", 1)

    assert "COUNT" not in asked[0]["sql"].upper()


# What has expired


def test_what_has_expired_is_removed_in_steps(monkeypatch, operator):
    monkeypatch.setattr(expiry, "STEP", 2)
    cache.set_many(dict.fromkeys("abcde", 1), -1)
    cache.set("current", 1, 60)

    assert forget_expired() == 5

    assert cache.get("current") == 1
    assert forget_expired() == 0
