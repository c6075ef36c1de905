#!/usr/bin/env python
"""Django's commands, for the portal's settings."""

import os
import signal
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smi_portal.settings")
    # A polite end runs the exit handlers: the last user of the embedded database stops it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "none") is not None:  # PostgreSQL answered, and said why
            raise
        sys.exit(f"The database cannot be reached: {str(error).strip().splitlines()[0]}\nCheck DATABASE_URL.")


if __name__ == "__main__":
    main()
