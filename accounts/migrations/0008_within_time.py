import datetime

from django.db import migrations, models
from django_migration_linter.operations import IgnoreMigration

# A job that Python cannot read ends every worker that fetches it, one after another.
READABLE_JOBS = """
ALTER TABLE procrastinate_jobs ADD CONSTRAINT job_is_readable CHECK (
    jsonb_typeof(args) = 'object'
    AND attempts BETWEEN 0 AND 1000000
    AND scheduled_at BETWEEN '2000-01-01' AND '9999-01-01'
);
ALTER TABLE procrastinate_events ADD CONSTRAINT event_is_readable CHECK (at BETWEEN '2000-01-01' AND '9999-01-01');
"""
DROP = """
ALTER TABLE procrastinate_jobs DROP CONSTRAINT job_is_readable;
ALTER TABLE procrastinate_events DROP CONSTRAINT event_is_readable;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_named_by_two"),
        ("procrastinate", "0041_post_retry_failed_job"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        IgnoreMigration(),  # no installation exists yet whose tables are in use
        migrations.RunSQL(READABLE_JOBS, DROP),
        migrations.AddConstraint(
            model_name="binding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_from__range", (datetime.date(1900, 1, 1), datetime.date(9999, 12, 31))),
                    ("valid_to__range", (datetime.date(1900, 1, 1), datetime.date(9999, 12, 31))),
                ),
                name="binding_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "created_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "sent_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "expires_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "accepted_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "revoked_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="invitation_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="maildomain",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "added_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "proven_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "given_up_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="mail_domain_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "began_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "confirmed_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "warned_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="membership_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="participant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("effective_from__range", (datetime.date(1900, 1, 1), datetime.date(9999, 12, 31))),
                    ("effective_to__range", (datetime.date(1900, 1, 1), datetime.date(9999, 12, 31))),
                ),
                name="participant_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "proposed_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "expires_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "decided_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="proposal_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="servicetoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "created_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "expires_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "warned_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "last_used_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "revoked_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="service_token_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "expire_date__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "signed_in_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "last_seen_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="session_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="singlesignon",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "named_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    )
                ),
                name="sign_on_within_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "last_login__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                    (
                        "joined_at__range",
                        (
                            datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.UTC),
                            datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC),
                        ),
                    ),
                ),
                name="user_within_time",
            ),
        ),
    ]
