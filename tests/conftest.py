"""A fixed cast, signed-in clients, and a database that tests use as the portal does: as its login, not its owner."""

import gc
from collections.abc import Callable, Iterator
from functools import wraps
from types import SimpleNamespace

import psycopg
import pytest
from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management import BaseCommand
from django.core.signals import request_finished
from django.db import close_old_connections, connections, transaction
from django.http.response import HttpResponseBase
from django.test import Client, TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from accounts.acting import Acting
from accounts.models import Membership, Organisation, ServiceToken
from accounts.roles import Job, Role
from smi_portal.wsgi import Portal
from tests import as_owner, queued_mail
from tests import provider as providers
from tests.dns_server import NameServer, running_name_server
from tests.drills import take_examples
from tests.factories import bind, make_device, make_membership, make_organisation, make_participant, provided_by
from tests.login import Login
from tests.scopes import as_nobody, become_operator
from tests.server import database_url

take_examples()
# What stays for the whole run (Django, the tests themselves) is not searched for garbage each time.
gc.set_threshold(100_000, 20, 100)
# What migrating fills, and that planned steps are adopted: within a test's transaction no scope could do it.
KEPT = {"django_migrations", "django_content_type", "auth_permission", "inventory_adoption"}
ADOPTED = "INSERT INTO inventory_adoption (id, day) VALUES (1, '9999-12-31')"
# That Django does not manage, in the order in which they can be emptied.
OF_LIBRARIES = [f"procrastinate_{name}" for name in ("periodic_defers", "events", "jobs", "workers")]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: once the browser's loop runs, Django lets no test of this process ask the database."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_collection_finish() -> None:
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The owner makes and migrates the test database; tests come as the login."""
    owner, login = connections["owner"], connections["default"]
    with django_db_blocker.unblock():
        name = login.settings_dict["NAME"]
        owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        with owner.cursor() as cursor:
            cursor.execute(ADOPTED)
            cursor.execute(as_owner.FUNCTION)
        login.creation.set_as_test_mirror(owner.settings_dict)
        TransactionTestCase._fixture_teardown = lambda case: empty_tables()
        yield
        login.close()
        owner.creation.destroy_test_db(name, verbosity=0)


def empty_tables() -> None:
    """Remove what a test with transactions of its own has written: as the owner, past triggers that refuse or note it.

    Of some sixty tables most tests fill a few. TRUNCATE would make new files for each, and Django's flush would also
    create all permissions again, for each alias of the database.
    """
    with connections["owner"].cursor() as cursor, transaction.atomic(using="owner"):
        tables = set(connections["owner"].introspection.django_table_names(only_existing=True, include_views=False))
        all_tables = [*OF_LIBRARIES, "portal_cache", *(tables - KEPT)]
        asked = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in all_tables]
        cursor.execute(" UNION ALL ".join(asked))
        filled = [table for (table,) in cursor.fetchall()]
        statements = [
            *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in filled),
            *(f"DELETE FROM {table}" for table in filled),
            "SET CONSTRAINTS ALL IMMEDIATE",
            *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in filled),
        ]
        cursor.execute("; ".join(statements))


@pytest.fixture
def operator(db) -> None:
    """The test prepares or checks as the operator; its requests to the portal still begin without a scope."""
    become_operator()


@pytest.fixture
def first_numbers(transactional_db) -> None:
    """Audit rows are numbered from 1: the numbers of other tests would look like rows that are gone."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER SEQUENCE accounts_auditrow_id_seq RESTART")


@pytest.fixture(scope="session", autouse=True)
def portal_enters_its_own_scopes() -> Iterator[None]:
    """A request or a command begins without a scope, whatever the scope of the test; requests are the server's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", leaving_files(as_nobody()(then_mail(Client.request))))
        patch.setattr(BaseCommand, "execute", as_nobody()(BaseCommand.execute))
        patch.setattr("django.test.client.WSGIRequest", Portal.request_class)
        yield


def end(answer: HttpResponseBase) -> None:
    """What the server does when an answer is sent, or its client has gone; the test's connection stays open."""
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


def leaving_files(request: Callable) -> Callable:
    """A client that asks again has left the file that it did not read: a server notices, Django's client does not."""

    def ask(client: Client, **given: object):
        if left := client.__dict__.pop("left", None):
            end(left)
        answer = request(client, **given)
        if answer.streaming:
            client.left = answer
        return answer

    return ask


def then_mail(request: Callable) -> Callable:
    """After each request the emails that it has queued are sent, as by a worker beside the server."""

    @wraps(request)
    def requesting(*args: object, **kwargs: object) -> HttpResponseBase:
        answer = request(*args, **kwargs)
        if queued_mail.is_waiting():
            queued_mail.send_queued()
        return answer

    return requesting


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Passwords are hashed as the portal hashes them, but with the least work: a server of its own reads them alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Argon2PasswordHasher, "time_cost", 1)
        patch.setattr(Argon2PasswordHasher, "memory_cost", 8)
        patch.setattr(Argon2PasswordHasher, "parallelism", 1)
        yield


@pytest.fixture(autouse=True)
def static_files_are_looked_up(settings) -> None:
    """When they are asked for. WhiteNoise would read the whole folder for each test client: a third of all work."""
    settings.WHITENOISE_AUTOREFRESH = True


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
    """An organisation's own provider, in a separate process, which tells the truth."""
    running_provider.want(**providers.PLAIN)
    return running_provider


@pytest.fixture
def name_server(settings) -> Iterator[NameServer]:
    """A real one, which the portal asks."""
    with running_name_server() as server:
        settings.DNS_RESOLVERS = [server.address]
        yield server


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
def psql(operator, supplier, rival, asset_provider, rival_provider, dcc) -> Iterator[Login]:
    """A connection of its own as the login, which says that it is the operator; what it does is undone."""
    device, member = make_device("ZEPH", "ZMAP"), make_membership(supplier)
    provided_by(device, "ZMAB")
    device.refresh_from_db()
    with psycopg.connect(database_url()) as connection:
        connected = Login(connection, device, member.pk)
        connected.say("portal.operator", "an attempt")
        yield connected
        connection.rollback()


@pytest.fixture
def acting(db) -> Callable[..., Acting]:
    """`acting(organisation, job)`: a new person who acts for it."""

    def act(organisation: Organisation, job: Job = Job.EDITOR) -> Acting:
        return Acting.under(make_membership(organisation, job))

    return act


@pytest.fixture
def sign_in(db) -> Callable[..., "Browser"]:
    """`sign_in(organisation, job)`: a client signed in as a new member of that organisation."""

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
        """As signing in does it: their password was given just now."""
        session = self.session
        record_authentication(SimpleNamespace(session=session), self.membership.user, method="password")
        session.save()

    def submit(self, path: str, data: dict | None = None, **kwargs: object):
        return self.post(path, {"acting": self.membership.pk} | (data or {}), **kwargs)
