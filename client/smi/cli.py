"""The command `smi`: parses what was typed, runs it, and ends with the exit code that says how it went."""

import io
import os
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

from smi import __version__, account, batch, changes, devices, reports
from smi.errors import CommandFailed
from smi.terminal import note

ENDINGS = """exit codes:
  0    done
  1    refused by the portal
  2    wrongly used: arguments, settings or input file
  3    portal not reached, or broken off
  130  stopped (Ctrl-C)
  141  nobody read the output to its end"""
BROKEN_OFF, STOPPED, UNREAD = 3, 130, 141


def parser() -> ArgumentParser:
    whole = ArgumentParser(
        prog="smi",
        description="Devices and reports of the SMI portal.",
        epilog=ENDINGS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"smi {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    account.add_commands(commands)
    device = commands.add_parser("device", help="look at and record devices").add_subparsers(required=True, metavar="…")
    for module in (devices, changes, batch):
        module.add_commands(device)
    report = commands.add_parser("report", help="list and download reports").add_subparsers(required=True, metavar="…")
    reports.add_commands(report)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. No exception leaves it, but those that show a mistake of ours."""
    try:
        args = parser().parse_args(arguments)
        args.run(args)
        sys.stdout.flush()
    except SystemExit as ended:  # argparse has said why
        return int(ended.code or 0)
    except (KeyboardInterrupt, EOFError):
        note("Stopped.")
        return STOPPED
    except BrokenPipeError:
        return UNREAD
    except CommandFailed as failed:
        note(str(failed))
        return failed.exit_code
    except OSError as error:
        note(f"{error.filename or 'This machine'}: {error.strerror or error}.")
        return BROKEN_OFF
    return 0


def run() -> None:
    """`main` as a program: ended from outside it cleans up like on Ctrl-C, and no terminal's alphabet is too small."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="replace")
    code = main()
    if code == UNREAD:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left over goes nowhere
    sys.exit(code)
