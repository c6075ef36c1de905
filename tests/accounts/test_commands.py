from datetime import date
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.management.commands import load_participants as load_participants_command
from accounts.models import Binding, Membership, Organisation, Participant, User
from accounts.roles import Job, Role
from tests.factories import make_membership, make_organisation, make_participant, make_user

HEADER = "code,fuel,role,name,effective_from,effective_to,kind\n"
PASSWORD = "quite a long password"

pytestmark = pytest.mark.django_db


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def error_of(*arguments: str) -> str:
    """The sentences on stderr of a command that fails with exit code 1."""
    with pytest.raises(CommandError) as error:
        call_command(*arguments)
    assert error.value.returncode == 1
    return str(error.value)


# load_participants


@pytest.fixture
def list_file(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"{HEADER}ZABC,E,map,Zed Metering,2015-01-01,,\n")
    return path


def test_load_participants_prints_what_it_did_and_one_line(list_file):
    assert printed("load_participants", str(list_file)).splitlines() == [
        "1 added (1 MAP):",
        "  E MAP ZABC Zed Metering, from 2015-01-01",
        "Participants: 1 added (1 MAP).",
    ]


def test_load_participants_as_a_dry_run_changes_nothing(operator, list_file):
    last_line = printed("load_participants", str(list_file), "--dry-run").splitlines()[-1]

    assert last_line == "Participants: 1 would be added (1 MAP)."
    assert not Participant.objects.exists()


def test_load_participants_fails_with_every_problem(list_file):
    list_file.write_text(f"{HEADER}ABCDE,E,map,Zed,2015-01-01,,\nZABC,E,map,,2015-01-01,,\n")

    assert error_of("load_participants", str(list_file)).splitlines() == [
        "Nothing has been changed: 2 problems in the list.",
        f"{list_file}, line 2: code: “ABCDE” has 5 characters. An electricity code has 4.",
        f"{list_file}, line 3: name: The name is empty.",
    ]


def test_load_participants_tells_how_many_problems_it_does_not_print(list_file, monkeypatch):
    monkeypatch.setattr(load_participants_command, "MOST_PROBLEMS", 1)
    list_file.write_text(f"{HEADER}ABCDE,E,map,,2015-01-01,,\n")

    lines = error_of("load_participants", str(list_file)).splitlines()

    assert len(lines) == 3
    assert lines[-1] == "… and 1 more."


def test_load_participants_names_one_problem_as_one(tmp_path):
    assert "1 problem in the list." in error_of("load_participants", str(tmp_path / "none.csv"))


# add_organisation


def test_add_organisation_prints_one_line(operator):
    assert printed("add_organisation", "Zeal Energy", "--role", "MAP") == "Zeal Energy added, as MAP.\n"
    assert Organisation.objects.get().role == Role.MAP


def test_add_organisation_fails_with_the_reason():
    make_organisation("Zeal Energy")

    assert "There is already an organisation named “Zeal Energy”" in error_of(
        "add_organisation", "Zeal Energy", "--role", "dcc"
    )


def test_add_organisation_knows_three_roles():
    error_of("add_organisation", "Zeal Energy", "--role", "agent")


# bind_participant


def bind_arguments(organisation: str = "Zeal Energy", code: str = "ZEAL") -> tuple[str, ...]:
    return "bind_participant", "--organisation", organisation, "--fuel", "e", "--code", code


@pytest.fixture
def zeal():
    make_participant("ZEAL", role=Role.SUPPLIER)
    return make_organisation("Zeal Energy")


def test_bind_participant_binds_from_today(operator, zeal):
    today = timezone.localdate()

    assert printed(*bind_arguments("zeal energy")) == f"ZEAL (electricity) → Zeal Energy from {today}.\n"
    assert Binding.objects.get().valid_from == today


@pytest.mark.parametrize("day", ["2020-02-29", "29/02/2020"])
def test_bind_participant_binds_from_a_day_given(operator, zeal, day):
    printed(*bind_arguments(), "--from", day)

    assert Binding.objects.get().valid_from == date(2020, 2, 29)


def test_bind_participant_twice_changes_nothing_and_says_so(operator, zeal):
    printed(*bind_arguments())

    assert printed(*bind_arguments()).startswith("Nothing changed: ZEAL (electricity) → Zeal Energy from ")
    assert Binding.objects.count() == 1


def test_bind_participant_fails_for_what_is_no_day(zeal):
    assert "--from: “soon” is not a date." in error_of(*bind_arguments(), "--from", "soon")


def test_bind_participant_fails_for_an_unknown_code(zeal):
    assert "“ZZZZ” is not an electricity Supplier code" in error_of(*bind_arguments(code="zzzz"))


@pytest.mark.parametrize("given", ["Zeal Enrgy", "zeal"])
def test_unknown_organisation_is_answered_with_near_names(zeal, given):
    make_organisation("Another Company")

    assert error_of(*bind_arguments(given)) == (
        f"There is no organisation named “{given}”. Is one of these meant: Zeal Energy?"
    )


@pytest.mark.parametrize("given", ["Nothing like it", ""])
def test_unknown_organisation_without_near_names_is_answered_with_what_to_do(zeal, given):
    assert error_of(*bind_arguments(given)) == (
        f"There is no organisation named “{given}”. Add it first with add_organisation."
    )


# add_administrator


def test_link_of_add_administrator_sets_the_password(operator, client, settings, zeal):
    line = printed("add_administrator", "zoe@demo.example", "--organisation", "Zeal Energy", "--name", "Zoe Quill")
    link = line.split()[-1]

    form = client.get(urlsplit(link).path, follow=True)
    path = form.request["PATH_INFO"]
    answer = client.post(path, {"password1": PASSWORD, "password2": PASSWORD, "password": PASSWORD})

    assert line.startswith(
        "Zoe Quill (zoe@demo.example) is an administrator of Zeal Energy. To set a password within 3"
    )
    assert link.startswith(f"{settings.PORTAL_URL}/accounts/password/reset/key/")
    assert (form.status_code, answer.status_code) == (200, 302)
    assert User.objects.get().check_password(PASSWORD)
    assert client.get(urlsplit(link).path, follow=True).context["token_fail"]


def test_add_administrator_again_prints_another_link(operator, zeal):
    arguments = ("add_administrator", "zoe@demo.example", "--organisation", "Zeal Energy")
    printed(*arguments)

    assert "To set a password" in printed(*arguments)
    assert Membership.objects.get().job == Job.ADMINISTRATOR


def test_add_administrator_prints_no_link_to_an_account_in_use(zeal):
    user = make_user(password=PASSWORD)
    make_membership(zeal, user=user)

    line = printed("add_administrator", user.email, "--organisation", "Zeal Energy")

    assert line.endswith("is an administrator of Zeal Energy. They can sign in with their existing password.\n")


def test_add_administrator_fails_with_the_reason(zeal):
    assert "is not an email address" in error_of("add_administrator", "zoe", "--organisation", "Zeal Energy")
