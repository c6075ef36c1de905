import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django_migration_linter.operations import IgnoreMigration

ACTS = ["appoint", "bind", "unbind", "deactivate", "reactivate", "change_job", "end_membership", "reset_factors"]
OF_SIGN_ON = ["name_provider", "add_domain", "switch_on"]


# Providers that one administrator named are switched off; their domains need two people and another proof.
END_WHAT_ONE_PERSON_SET_UP = """
UPDATE accounts_singlesignon SET is_active = false;
UPDATE accounts_maildomain SET proven_at = NULL, given_up_at = coalesce(given_up_at, now());
"""


def by_whom(model: str, *names: str) -> list[migrations.AddField]:
    return [
        migrations.AddField(
            model_name=model,
            name=name,
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        )
        for name in names
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_audit_evidence"),
    ]

    operations = [
        IgnoreMigration(),  # no installation exists yet whose tables are in use
        *by_whom("singlesignon", "named_by", "approved_by"),
        *by_whom("maildomain", "approved_by"),
        migrations.AddField(
            model_name="singlesignon",
            name="named_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.RunSQL(END_WHAT_ONE_PERSON_SET_UP, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="maildomain", name="secret_hash"),
        migrations.AddField(model_name="proposal", name="secret", field=models.TextField(blank=True, default="")),
        migrations.AlterField(model_name="proposal", name="secret", field=models.TextField(blank=True)),
        migrations.AlterField(
            model_name="proposal",
            name="act",
            field=models.CharField(
                choices=[
                    ("appoint", "Appoint an administrator"),
                    ("bind", "Bind a code"),
                    ("unbind", "Unbind a code"),
                    ("deactivate", "Deactivate the organisation"),
                    ("reactivate", "Reactivate the organisation"),
                    ("change_job", "Change a DCC administrator’s job"),
                    ("end_membership", "End a DCC administrator’s membership"),
                    ("reset_factors", "Reset somebody’s second factors"),
                    ("name_provider", "Name a provider for single sign-on"),
                    ("add_domain", "Add an email domain for single sign-on"),
                    ("switch_on", "Switch on single sign-on"),
                ],
                max_length=16,
            ),
        ),
        migrations.RemoveConstraint(model_name="proposal", name="proposal_act_known"),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("act__in", [*ACTS, *OF_SIGN_ON])), name="proposal_act_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="singlesignon",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_active", False),
                    models.Q(
                        ("approved_by__isnull", False),
                        ("named_by__isnull", False),
                        models.Q(("approved_by", models.F("named_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="sign_on_named_by_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="maildomain",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proven_at", None),
                    models.Q(
                        ("added_by__isnull", False),
                        ("approved_by__isnull", False),
                        models.Q(("approved_by", models.F("added_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="mail_domain_added_by_two",
            ),
        ),
    ]
