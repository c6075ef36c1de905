"""Two administrators at one member's page."""

from accounts.roles import Job
from tests.factories import make_membership


def test_job_that_somebody_changed_in_the_meantime_is_a_conflict(operator, supplier, sign_in):
    member = make_membership(supplier, Job.VIEWER)
    path = f"/organisation/members/{member.pk}/"
    one, other = sign_in(supplier, Job.ADMINISTRATOR), sign_in(supplier, Job.ADMINISTRATOR)
    one.submit(path, {"job": "editor", "job_shown": "viewer"})

    late = other.submit(path, {"job": "administrator", "job_shown": "viewer"})

    assert late.status_code == 409
    assert "Nothing has been saved." in late.content.decode()
    assert 'name="job_shown" value="editor"' in late.content.decode()
    member.refresh_from_db()
    assert member.job == Job.EDITOR


def test_form_that_does_not_say_which_job_was_shown_is_refused(supplier, sign_in):
    member = make_membership(supplier, Job.VIEWER)

    answer = sign_in(supplier, Job.ADMINISTRATOR).submit(f"/organisation/members/{member.pk}/", {"job": "editor"})

    assert answer.status_code == 400
