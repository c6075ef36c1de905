"""One PostgreSQL server and its data folder: made, started, found again after a crash, stopped.

Nothing here guards against a second process doing the same: smi_portal.embedded holds the lock.
"""

import os
import shlex
import shutil
import signal
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from psycopg import pq

from smi_portal.embedded_programs import (
    OWN_SERVER,
    PREFIX,
    VERSION,
    EmbeddedError,
    Programs,
    installed,
    last_lines,
    programs_for_existing,
    programs_for_new,
)

PORT = 5432  # only names the socket: the server listens on no network address
SOCKET_PATH_LIMIT = 107  # bytes
PATIENCE = 180  # seconds for a server to start, to recover or to stop: a crash leaves up to 4 GB to read again
ORPHANS_PATIENCE = 1  # seconds in which the processes of a killed server usually end by themselves
LOG = "server.log"
WORKSHOP = "postgres.new-"  # one name for each attempt: a killed command's initdb may still be at work in its own
BREAKS_PG_CTL = set('"$`\\\n')  # pg_ctl hands paths to a shell in double quotes

# A demo or a benchmark on a small machine; durable, as people try things and come back to them.
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
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
    """The server whose data lies in `data`, which may be a link."""

    data: Path

    @property
    def socket_folder(self) -> Path | None:
        """Where the running, or killed, server listens; None before that is known."""
        postmaster = _postmaster(self.data)
        if postmaster.data != str(self.data.resolve()):  # copied or moved: it is another server's folder
            return None
        return Path(postmaster.socket_folder) if postmaster.socket_folder else None

    def answers(self) -> bool:
        """Whether connections are accepted; waits while the server starts or recovers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ping = self._ping()
            if ping == pq.Ping.OK:
                return True
            if ping != pq.Ping.REJECT and (not self._is_alive() or self._socket_is_gone()):
                return False
            time.sleep(0.05)
        raise EmbeddedError(f"The embedded PostgreSQL in {self.data} does not answer.{self._last_words()}")

    def start(self) -> None:
        """Start the server, made first if there is none; what a killed one left is cleared away."""
        if not self.data.exists():
            self._make()
        self._check_version()
        programs = programs_for_existing(self.data)
        self.stop()
        self._clear_traces()
        settings = {**SETTINGS, "unix_socket_directories": f'"{self._new_socket_folder()}"'}
        options = " ".join(f"-c {name}={shlex.quote(str(value))}" for name, value in settings.items())
        log = self.data.resolve() / LOG
        try:
            self._pg_ctl(programs, "-l", log, "-o", options, "start")
        except EmbeddedError as error:
            raise EmbeddedError(f"The embedded PostgreSQL did not start. {error}{self._last_words()}") from error

    def stop(self) -> None:
        """Stop the server if it runs; its clients are disconnected, what they committed stays."""
        if not self._is_alive():
            return
        socket_folder = self.socket_folder
        self._pg_ctl(programs_for_existing(self.data), "-m", "fast", "stop")
        self._discard(socket_folder)

    def _pg_ctl(self, programs: Programs, *arguments: str | Path) -> None:
        programs.run("pg_ctl", "-D", self.data.resolve(), "-w", "-t", str(PATIENCE), *arguments)

    def _make(self) -> None:
        """Make the data folder with database and roles under another name: it gets its own when complete."""
        if BREAKS_PG_CTL & set(f"{self.data}{installed()}"):
            raise EmbeddedError(f"PostgreSQL cannot work in {self.data}: move it to a plainer name. {OWN_SERVER}")
        _discard_half_made(self.data.parent)
        self.data.unlink(missing_ok=True)  # a link whose folder has gone
        workshop = Path(tempfile.mkdtemp(prefix=WORKSHOP, dir=self.data.parent))
        fresh = workshop / "postgres"
        programs = programs_for_new(fresh)
        target = fresh.resolve()
        programs.run("initdb", "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "postgres", "-D", target)
        single = ("--single", "-c", "exit_on_error=on", "-D", target, "postgres")
        programs.run("postgres", *single, text=ROLES)
        fresh.rename(self.data)
        workshop.rmdir()

    def _check_version(self) -> None:
        version = self.data / "PG_VERSION"
        if not version.exists():
            raise EmbeddedError(f"{self.data} is no database of PostgreSQL: move it away. {OWN_SERVER}")
        if (found := version.read_text().strip()) != VERSION:
            raise EmbeddedError(
                f"{self.data} was made by PostgreSQL {found}, which cannot be used any more: "
                f"delete it to start with an empty one. {OWN_SERVER}"
            )

    def _ping(self) -> pq.Ping:
        folder = self.socket_folder
        if folder is None or not self._is_private(folder):
            return pq.Ping.NO_RESPONSE
        url = f"postgresql://smi@{quote(os.fsencode(folder), safe='')}:{PORT}/smi?connect_timeout=5"
        return pq.Ping(pq.PGconn.ping(url.encode()))

    def _is_private(self, folder: Path) -> bool:
        """Whether nobody else can have put a server there: a temporary folder may have been swept away."""
        try:
            found = folder.lstat()
        except FileNotFoundError:
            return False
        owners = (os.geteuid(), self.data.stat().st_uid)
        return stat.S_ISDIR(found.st_mode) and found.st_uid in owners and not found.st_mode & 0o077

    def _is_alive(self) -> bool:
        return _postmaster(self.data).pid in processes_in(self.data)

    def _socket_is_gone(self) -> bool:
        """Whether the server has made its socket, but it is no longer there."""
        folder = self.socket_folder
        made = _postmaster(self.data).socket_folder
        return bool(made) and not (folder and (folder / f".s.PGSQL.{PORT}").exists())

    def _new_socket_folder(self) -> Path:
        """The data folder itself, or where its path is too long for a socket, a fresh private one."""
        data = self.data.resolve()
        if _fits_socket(data):
            return data
        temporary = tempfile.gettempdir()
        parent = temporary if _fits_socket(Path(temporary, PREFIX + "12345678")) else "/tmp"  # noqa: S108
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        if os.geteuid() == 0:
            os.chown(folder, data.stat().st_uid, data.stat().st_gid)
        return folder

    def _clear_traces(self) -> None:
        """End the processes of a killed server, and forget its id where another process, or a zombie, has it.

        Otherwise the file stays: by it the new server finds the shared memory of the old one.
        """
        _end_orphans(self.data)
        self._discard(self.socket_folder)
        for socket_file in self.data.glob(".s.PGSQL.*"):
            socket_file.unlink()
        if (pid := _postmaster(self.data).pid) == 0 or Path(f"/proc/{pid}").exists():
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _discard(self, socket_folder: Path | None) -> None:
        """Remove a folder made for the socket alone."""
        if socket_folder and socket_folder.name.startswith(PREFIX) and self._is_private(socket_folder):
            shutil.rmtree(socket_folder, ignore_errors=True)

    def _last_words(self) -> str:
        log = self.data / LOG
        words = last_lines(log.read_text(errors="replace")) if log.exists() else ""
        return f"\nThe end of {log}:\n{words}\nMend what it says. {OWN_SERVER}"


def processes_in(folder: Path) -> list[int]:
    """PostgreSQL's processes that work in `folder`, by the folder itself: names and ids are used again."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _works_in(process, folder)]


def _works_in(process: Path, folder: Path) -> bool:
    try:
        program = (process / "exe").readlink().name
        return program.split()[0] == "postgres" and (process / "cwd").samefile(folder)
    except OSError:  # it has ended, is a zombie, or is another user's
        return False


class Postmaster(NamedTuple):
    """What a server writes down of itself; 0 and "" where it has not."""

    pid: int
    data: str
    socket_folder: str


def _postmaster(data: Path) -> Postmaster:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        lines = []
    pid, place, _, _, socket_folder = (lines + [""] * 5)[:5]
    return Postmaster(int(pid) if pid.isdecimal() else 0, place, socket_folder)


def _fits_socket(folder: Path) -> bool:
    """Whether a socket in `folder` can be named; a comma or a quote would make it a list of folders."""
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= SOCKET_PATH_LIMIT and not set(path) & set(b',"')


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


def _discard_half_made(folder: Path) -> None:
    """Remove what killed commands left of data folders in the making, and the folders links lead to."""
    for workshop in folder.glob(f"{WORKSHOP}*"):
        fresh = workshop / "postgres"
        if fresh.is_symlink():
            shutil.rmtree(fresh.readlink().parent, ignore_errors=True)
        shutil.rmtree(workshop, ignore_errors=True)
