"""`smi login`, `smi logout`, `smi whoami`."""

import getpass
import os
import sys
from argparse import Namespace, _SubParsersAction

from smi import logins
from smi.errors import BrokenOff, Misused
from smi.portal import Portal
from smi.terminal import say, say_items


def add_commands(commands: _SubParsersAction) -> None:
    login = commands.add_parser("login", help="keep the address of a portal and a token for it")
    login.add_argument("--url", default=os.environ.get("SMI_URL"), help="such as https://portal.example")
    login.set_defaults(run=log_in)
    commands.add_parser("logout", help="forget both").set_defaults(run=log_out)
    commands.add_parser("whoami", help="which organisation the token acts for").set_defaults(run=who_am_i)


def log_in(args: Namespace) -> None:
    if not args.url:
        raise Misused("Say which portal: smi login --url https://portal.example")
    logins.check_url(args.url)
    login = logins.Login(logins.cleaned(args.url), ask_token())
    own = own_rights(login)
    logins.store(login)
    say(f"Logged in at {login.url} for {own.get('organisation')}: {own.get('role')}, {own.get('job')}.")


def ask_token() -> str:
    """Never an argument: others on the machine can read those."""
    given = getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.readline()
    return given.strip()


def log_out(args: Namespace) -> None:
    say("Logged out. The token stays valid until it is revoked." if logins.forget() else "You were not logged in.")


def who_am_i(args: Namespace) -> None:
    login = logins.current()
    own = own_rights(login)
    say_items({"portal": login.url} | {name: own.get(name) for name in ("organisation", "role", "job")})


def own_rights(login: logins.Login) -> dict:
    with Portal(login) as portal:
        own = portal.read("rights/").get("own")
    if not isinstance(own, dict):
        raise BrokenOff(f"{login.url} does not say which organisation the token acts for.")
    return own
