import datetime

from django.db import migrations, models
from django_migration_linter.operations import IgnoreMigration

DATES = (datetime.date(1900, 1, 1), datetime.date(9999, 12, 31))
PERIODS = ("status_from", "supplier_from", "map_from")
LIFE = ("installed_on", "commissioned_on", "decommissioned_on")


def within_time(name: str, *fields: str) -> migrations.AddConstraint:
    condition = models.Q(*((f"{field}__range", DATES) for field in fields))
    return migrations.AddConstraint("device", models.CheckConstraint(condition=condition, name=name))


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0007_readings_as_shown"),
    ]

    operations = [
        IgnoreMigration(),  # no installation exists yet whose tables are in use
        within_time("device_periods_within_time", *PERIODS),
        within_time("device_life_within_time", *LIFE),
    ]
