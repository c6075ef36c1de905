#!/usr/bin/env python
"""Django's commands, for the portal's settings."""

import os
import signal
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smi_portal.settings")
    # A polite end runs the exit handlers: the last user of the embedded database stops it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
