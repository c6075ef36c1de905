from django.db import migrations, models
from django_migration_linter.operations import IgnoreMigration


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_sessions"),
    ]

    operations = [
        IgnoreMigration(),  # no installation exists yet whose tables are in use
        migrations.AddField(
            model_name="auditrow",
            name="batch",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="auditrow",
            index=models.Index(condition=models.Q(("batch__isnull", False)), fields=["batch"], name="audit_of_batch"),
        ),
    ]
