"""The embedded PostgreSQL for demo and tests: a real server, shared by the commands that run at one time.

Its programs come from a wheel, its data lies in `.local/postgres`, and it listens on a Unix socket only its
user can reach. Two files beside the data keep order. Whoever looks at the server, starts or stops it holds
`postgres.lock`, exclusively. Every process that uses the server holds `postgres.users`, shared, while it
lives: the kernel drops the lock of a killed process, so there is no list that could be wrong.
"""

import atexit
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from smi_portal.embedded.programs import OWN_SERVER, EmbeddedError
from smi_portal.embedded.server import PORT, Server

__all__ = ["Connection", "Connections", "EmbeddedError", "ensure_running"]


class Connection(NamedTuple):
    """How one role reaches the database, in the words of Django's DATABASES."""

    NAME: str
    USER: str
    HOST: str
    PORT: str


class Connections(NamedTuple):
    """One for each alias of DATABASES: `default` is the portal's login, `owner` migrates."""

    default: Connection
    owner: Connection


_used: set[Path] = set()  # folders whose server this process uses


def ensure_running(folder: Path) -> Connections:
    """Start or join the server whose data lies in `folder`/postgres, and use it until this process ends.

    The last process out stops the server. A killed process cannot, nor one that SIGTERM ends in Python's way:
    then it runs on until a later command is the last one out. A command that should tidy up makes SIGTERM an
    ordinary exit: `signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))`. A child made by fork shares its
    parent's use: the server is not stopped under it, nor by it.

    This process loses its PG* variables: libpq would apply them (PGHOSTADDR, PGOPTIONS …) everywhere.
    Raises EmbeddedError with a sentence that says what failed and what to do.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        with _locked(folder):
            _use(folder)
            return _connections(Server(folder / "postgres"))
    except OSError as error:
        raise EmbeddedError(
            f"The embedded PostgreSQL cannot use {folder}: {error}. If another user made it, run the command "
            f"as that user, or delete what begins with {folder / 'postgres'} to start afresh. {OWN_SERVER}"
        ) from error


def _connections(server: Server) -> Connections:
    if not server.answers():
        server.start()
    login = Connection(NAME="smi", USER="smi", HOST=server.host, PORT=PORT)
    return Connections(default=login, owner=login._replace(USER="smi_owner"))


def _use(folder: Path) -> None:
    """Hold the users' lock until this process ends; never waits, as whoever leaves holds the other lock."""
    if folder in _used:
        return
    users = _open(folder / "postgres.users")
    fcntl.flock(users, fcntl.LOCK_SH)
    _used.add(folder)
    atexit.register(_leave, folder, users, os.getpid())


def _leave(folder: Path, users: int, process: int) -> None:
    """Stop the server unless it is in use; a forked child, which runs this hook as well, does nothing."""
    if os.getpid() != process:
        return
    try:
        with _locked(folder):
            os.close(users)
            if _is_unused(folder):
                Server(folder / "postgres").stop()
    except FileNotFoundError:  # the folder has been deleted: its server notices and ends by itself
        return
    except (EmbeddedError, OSError) as error:
        sys.stderr.write(f"{error}\n")


def _is_unused(folder: Path) -> bool:
    """Whether no process holds the users' lock; asked anew, as forked children share an old descriptor."""
    users = _open(folder / "postgres.users")
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(users)
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time."""
    lock = _open(folder / "postgres.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)  # closing would leave it to a child forked meanwhile
        os.close(lock)


def _open(lock: Path) -> int:
    """Python's descriptors are not inherited by programs, so the server itself never holds a lock."""
    return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
