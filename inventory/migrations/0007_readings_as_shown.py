import datetime

from django.db import migrations, models
from django_migration_linter.operations import IgnoreMigration


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0006_run_token"),
    ]

    operations = [
        IgnoreMigration(),  # no installation exists yet whose tables are in use
        migrations.AddConstraint(
            model_name="devicereading",
            constraint=models.CheckConstraint(
                condition=models.Q(("how__in", ["page", "look_up", "list", "file", "portfolio"])),
                name="device_reading_how_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="devicereading",
            constraint=models.CheckConstraint(
                condition=models.Q(("day__range", (datetime.date(1900, 1, 1), datetime.date(9999, 12, 31)))),
                name="device_reading_within_time",
            ),
        ),
    ]
