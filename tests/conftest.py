"""A fixed cast, signed-in clients, and a database that tests use as the portal does: as its login, not its owner."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.usersessions.models import UserSession
from django.db import connections, transaction
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from accounts.acting import Acting
from accounts.files import streams
from accounts.models import Membership, Organisation, ServiceToken
from accounts.roles import Job, Role
from tests import provider as providers
from tests.factories import bind, make_membership, make_organisation, make_participant


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: once the browser's loop runs, Django lets no test of this process ask the database."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The owner makes and migrates the test database; tests come as the login."""
    owner, login = connections["owner"], connections["default"]
    with django_db_blocker.unblock():
        name = login.settings_dict["NAME"]
        owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        login.creation.set_as_test_mirror(owner.settings_dict)
        _empty_as_owner()
        yield
        login.close()
        owner.creation.destroy_test_db(name, verbosity=0)


def _empty_as_owner() -> None:
    """Tests with transactions of their own are cleaned up by TRUNCATE: by the owner, past the tables that refuse it."""
    for connection in connections.all():
        connection.ops.execute_sql_flush = flush


def flush(statements: list[str]) -> None:
    with connections["owner"].cursor() as cursor, transaction.atomic(using="owner"):
        cursor.execute("SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'append_only_truncate'")
        guarded = [table for (table,) in cursor.fetchall()]
        refusing = [f"ALTER TABLE {table} {{}} TRIGGER append_only_truncate" for table in guarded]
        for statement in [r.format("DISABLE") for r in refusing] + statements + [r.format("ENABLE") for r in refusing]:
            cursor.execute(statement)
        cursor.execute("TRUNCATE portal_cache")  # what limits of sign-in have counted


@pytest.fixture(autouse=True)
def operator(request: pytest.FixtureRequest) -> None:
    """Tests prepare and look as the operator; what they ask of the portal runs in the scope it enters itself."""
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        become_operator()


def become_operator(reason: str = "tests") -> None:
    """For the rest of the test, outside the scopes it enters; with no reason, for nobody."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT set_config('portal.operator', %s, false)", [reason])


@pytest.fixture(autouse=True)
def fresh_stream_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that a test does not read to its end takes no slot from the next test."""
    monkeypatch.setattr(streams, "slots", threading.BoundedSemaphore(streams.SLOTS))


@pytest.fixture(autouse=True)
def no_second_factor(settings) -> None:
    """As in the demo, wherever the tests run; tests of second factors ask for them."""
    settings.MFA_REQUIRED = False


@pytest.fixture(scope="session")
def running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[providers.Provider]:
    with providers.running_provider(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture
def provider(running_provider: providers.Provider) -> providers.Provider:
    """An organisation's own provider, in a process of its own, that says what is true."""
    running_provider.want(**providers.PLAIN)
    return running_provider


@pytest.fixture
def supplier(db) -> Organisation:
    """Zephyr Energy, electricity ZEPH and gas ZPG."""
    organisation = make_organisation("Zephyr Energy", Role.SUPPLIER)
    bind(organisation, make_participant("ZEPH", role=Role.SUPPLIER, name="Zephyr Energy"))
    bind(organisation, make_participant("ZPG", role=Role.SUPPLIER, name="Zephyr Energy"))
    return organisation


@pytest.fixture
def rival(db) -> Organisation:
    """Zodiac Power, electricity ZODI."""
    organisation = make_organisation("Zodiac Power", Role.SUPPLIER)
    bind(organisation, make_participant("ZODI", role=Role.SUPPLIER, name="Zodiac Power"))
    return organisation


@pytest.fixture
def asset_provider(db) -> Organisation:
    """Zenith Meter Assets, electricity ZMAP and gas ZMG."""
    organisation = make_organisation("Zenith Meter Assets", Role.MAP)
    bind(organisation, make_participant("ZMAP", name="Zenith Meter Assets"))
    bind(organisation, make_participant("ZMG", name="Zenith Meter Assets"))
    return organisation


@pytest.fixture
def rival_provider(db) -> Organisation:
    """Zambezi Metering, electricity ZMAB."""
    organisation = make_organisation("Zambezi Metering", Role.MAP)
    bind(organisation, make_participant("ZMAB", name="Zambezi Metering"))
    return organisation


@pytest.fixture
def dcc(db) -> Organisation:
    return make_organisation("DCC", Role.DCC)


@pytest.fixture
def acting(db) -> Callable[..., Acting]:
    """`acting(organisation, job)`: somebody new who acts for it."""

    def act(organisation: Organisation, job: Job = Job.EDITOR) -> Acting:
        return Acting.under(make_membership(organisation, job))

    return act


@pytest.fixture
def sign_in(db) -> Callable[..., "Browser"]:
    """`sign_in(organisation, job)`: a client signed in as somebody new of that organisation."""

    def come(organisation: Organisation, job: Job = Job.EDITOR) -> Browser:
        return Browser(make_membership(organisation, job))

    return come


class System(Client):
    """A system that brings its token with each request to the API."""

    def __init__(self, token: ServiceToken, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.token = token
        self.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token.secret}"


class Browser(Client):
    """A signed-in client whose forms say for which membership they were made, as our pages' forms do."""

    def __init__(self, membership: Membership, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.membership = membership
        self.force_login(membership.user)
        self.prove_identity()

    def prove_identity(self) -> None:
        """As signing in does it: the session is one of the person's, and their password was given just now."""
        user = self.membership.user
        session = self.session
        record_authentication(SimpleNamespace(session=session), user, method="password")
        session.save()
        UserSession.objects.create(user=user, session_key=session.session_key, ip="127.0.0.1", user_agent="tests")

    def submit(self, path: str, data: dict | None = None, **kwargs: object):
        return self.post(path, {"acting": self.membership.pk} | (data or {}), **kwargs)
