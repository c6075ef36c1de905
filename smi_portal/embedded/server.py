"""One PostgreSQL server and its data folder: made, started, found again after a crash, stopped.

Nothing here guards against a second process doing the same: `smi_portal.embedded` holds the lock.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from smi_portal.embedded.programs import OWN_SERVER, VERSION, EmbeddedError, last_lines, programs_for

PORT = "5432"  # only names the socket: the server listens on no network address
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT = 107  # bytes
PATIENCE = 180  # seconds for a server to start, to recover or to stop: a crash leaves up to 4 GB to read again
ORPHANS_PATIENCE = 1  # seconds in which the processes of a killed server usually end by themselves
LOG = "server.log"

# A demo or a benchmark on a small machine; durable, as people try things and come back to them.
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_directories": ".",  # in the data folder, which its owner alone may enter
    "unix_socket_permissions": "0700",
    "max_connections": 100,
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
}

# The owner could switch off triggers and policies; the login owns nothing. Neither passes row security.
ROLES = """
CREATE ROLE smi_owner LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS;
CREATE ROLE smi LOGIN NOSUPERUSER NOBYPASSRLS;
CREATE DATABASE smi OWNER smi_owner;
"""


@dataclass(frozen=True)
class Server:
    """The server whose data is in `data`, which can be a link."""

    data: Path

    @property
    def host(self) -> str:
        """Return the folder of the socket as libpq takes it; if its path is too long, through the server's process."""
        data = self.data.resolve()
        fits = len(os.fsencode(data / SOCKET)) <= SOCKET_PATH_LIMIT and "," not in str(data)  # a comma separates hosts
        return str(data) if fits else f"/proc/{self._pid()}/cwd"

    def answers(self) -> bool:
        """Whether connections are accepted; waits while the server starts or recovers."""
        deadline = time.monotonic() + PATIENCE
        while self._is_alive():
            asked = make_conninfo(host=self.host, port=PORT, user="smi", dbname="smi", connect_timeout=5)
            if pq.PGconn.ping(asked.encode()) == pq.Ping.OK:
                return True
            if time.monotonic() > deadline:
                raise EmbeddedError(f"The embedded PostgreSQL in {self.data} does not answer.{self._last_words()}")
            time.sleep(0.05)
        return False

    def start(self) -> None:
        """Start the server, made first if there is none; what a killed one left is cleared away."""
        if not self.data.exists():
            self._make()
        self._check_version()
        self._clear_traces()
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        try:
            self._pg_ctl("-l", self.data.resolve() / LOG, "-o", options, "start")
        except EmbeddedError as error:
            raise EmbeddedError(f"The embedded PostgreSQL did not start. {error}{self._last_words()}") from error

    def stop(self) -> None:
        """Stop the server if it runs; its clients are disconnected, what they committed stays."""
        if self._is_alive():
            self._pg_ctl("-m", "fast", "stop")

    def _pg_ctl(self, *arguments: str | Path) -> None:
        data = self.data.resolve()
        programs_for(self.data).run("pg_ctl", "-D", data, "-w", "-t", str(PATIENCE), *arguments)

    def _make(self) -> None:
        """Make the data folder with database and roles under another name: it gets its own when complete."""
        for half_made in self.data.parent.glob(f"{self.data.name}.new-*"):
            half_made.unlink() if half_made.is_symlink() else shutil.rmtree(half_made, ignore_errors=True)
        self.data.unlink(missing_ok=True)  # a link to a folder that no longer exists
        fresh = self.data.with_name(f"{self.data.name}.new-{os.getpid()}")  # a killed command's initdb has another
        programs = programs_for(fresh)
        target = fresh.resolve()
        programs.run("initdb", "--no-sync", "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "postgres", "-D", target)
        single = ("--single", "-c", "exit_on_error=on", "-D", target, "postgres")
        programs.run("postgres", *single, text=ROLES)
        fresh.rename(self.data)

    def _check_version(self) -> None:
        if (found := (self.data / "PG_VERSION").read_text().strip()) != VERSION:
            raise EmbeddedError(
                f"{self.data} was created by PostgreSQL {found}, which the portal no longer uses: "
                f"delete it to start with an empty one. {OWN_SERVER}"
            )

    def _pid(self) -> int:
        """Return the id of the server that runs, or was killed; 0 if there was none."""
        with suppress(FileNotFoundError):
            first = (self.data / "postmaster.pid").read_text().partition("\n")[0]
            return int(first) if first.isdecimal() else 0
        return 0

    def _is_alive(self) -> bool:
        return self._pid() in processes_in(self.data)

    def _clear_traces(self) -> None:
        """End the processes of a killed server, and forget its id, which another process could have by now."""
        _end_orphans(self.data)
        for trace in (*self.data.glob(f"{SOCKET}*"), self.data / "postmaster.pid"):
            trace.unlink(missing_ok=True)

    def _last_words(self) -> str:
        log = self.data / LOG
        words = last_lines(log.read_text(errors="replace")) if log.exists() else ""
        return f"\nThe end of {log}:\n{words}\nMend what it says. {OWN_SERVER}"


def processes_in(folder: Path) -> list[int]:
    """PostgreSQL's processes that work in `folder`, by the folder itself: names and ids are used again."""
    if not folder.exists():
        return []
    with _eyes_of_owner(found := folder.stat()):
        return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _works_in(process, found)]


def _works_in(process: Path, folder: os.stat_result) -> bool:
    try:
        is_postgres = (process / "exe").readlink().name.startswith("postgres")
        return is_postgres and os.path.samestat((process / "cwd").stat(), folder)
    except OSError:  # it has ended, is a zombie, or is another user's
        return False


@contextmanager
def _eyes_of_owner(folder: os.stat_result) -> Iterator[None]:
    """In a container, root cannot look into the processes of other users; their owner can."""
    user, group = os.geteuid(), os.getegid()
    if user != 0 or folder.st_uid == 0:
        yield
        return
    os.setegid(folder.st_gid)
    os.seteuid(folder.st_uid)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def _end_orphans(data: Path) -> None:
    """Wait for, then end, what a killed server left; the write-ahead log keeps what it had committed."""
    began = time.monotonic()
    while orphans := processes_in(data):
        waited = time.monotonic() - began
        if waited > PATIENCE:
            raise EmbeddedError(f"Processes {orphans} of a killed PostgreSQL do not end: end them by hand.")
        for pid in orphans if waited > ORPHANS_PATIENCE else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
