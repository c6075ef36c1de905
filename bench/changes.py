"""A program that changes rows of the inventory through the database until its standard input ends; says how many."""

import random
import sys
from select import select

import django

django.setup()

from django.db import connection  # noqa: E402

from accounts.operator import system_scope  # noqa: E402

ROWS, PAUSE = 100, 0.05  # changed at once, and seconds between
RANGE = "SELECT min(id), max(id) FROM inventory_device"
CHANGE = """
UPDATE inventory_device SET firmware = %(firmware)s,
    msn = CASE device_type WHEN 'ESME' THEN 'X' || substr(device_id, 16, 2) || %(number)s ELSE msn END
WHERE id = ANY (%(ids)s)
"""


def main() -> None:
    with system_scope("bench"), connection.cursor() as cursor:
        cursor.execute(RANGE)
        first, last = cursor.fetchone()
    number = 0
    while not select([sys.stdin], [], [], PAUSE)[0]:
        number += 1
        ids = random.sample(range(first, last + 1), ROWS)
        given = {"firmware": f"{number:08X}", "number": f"{number:07}", "ids": ids}
        with system_scope("bench", audited=False), connection.cursor() as cursor:
            cursor.execute(CHANGE, given)
    print(number * ROWS)


if __name__ == "__main__":
    main()
