"""The embedded PostgreSQL, as commands meet it: each command is a process, each server a real one."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from smi_portal.embedded.programs import VERSION
from smi_portal.embedded.server import Server, processes_in

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = Path(psycopg.__file__).parent.parent
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root meets this")

# A command that uses the server until its input ends.
COMMAND = """
import json, sys
from pathlib import Path
from smi_portal.embedded import ensure_running
connections = ensure_running(Path(sys.argv[1]))
print(json.dumps([connection._asdict() for connection in connections]), flush=True)
sys.stdin.read()
"""
# What disturbs PostgreSQL's programs, or libpq, unless it is kept from them.
ODD = {
    "LC_ALL": "xx_YY.UTF-8", "LANG": "xx_YY", "TZ": "Nowhere/Odd", "PGDATA": "/nowhere", "PGHOST": "elsewhere",
    "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "root", "PGDATABASE": "none", "PGSERVICE": "none",
    "PGREQUIREAUTH": "scram-sha-256", "PGOPTIONS": "-c search_path=none", "PGSSLMODE": "require",
}  # fmt: skip


class Commands:
    """Starts commands, and at the end kills those that are left and stops their servers."""

    def __init__(self):
        self.processes = []
        self.folders = set()

    def begin(self, folder, *, script=COMMAND, prefix=(), python=sys.executable, account=None, **environment):
        self.folders.add(folder)
        process = subprocess.Popen(
            [*prefix, python, "-c", script, folder],
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{INSTALLED}", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **(account or {}),
        )
        self.processes.append(process)
        return process

    def run(self, folder, **options):
        """One command from beginning to end: its output and what it complained of."""
        return self.begin(folder, **options).communicate(timeout=60)

    def clear(self):
        for process in self.processes:
            process.kill()
            process.communicate(timeout=60)
        for folder in self.folders:
            Server(folder / "postgres").stop()


@pytest.fixture
def commands(tmp_path):
    commands = Commands()
    yield commands
    commands.clear()
    shutil.rmtree(tmp_path)  # a database is 40 MB


@pytest.fixture
def empty(tmp_path):
    return tmp_path / ".local"


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A folder of an odd name, and when the server started that each of three commands met there, begun at once."""
    folder = tmp_path_factory.mktemp("it's Größe 50%25 ") / ".local"
    commands = Commands()
    begun = [commands.begin(folder, **ODD) for _ in range(3)]
    started = [ask(reached(command)[0], "SELECT pg_postmaster_start_time()") for command in begun]
    for command in begun:
        end(command)
    yield folder, started
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def folder(together):
    """The database that they made, which takes a second or two: to be left whole."""
    return together[0]


@pytest.fixture(scope="module")
def distant(folder):
    """The same far down: its path is too long for a socket, and has a comma, which parts hosts."""
    distant = folder.parent / ("far, " * 25)
    shutil.copytree(folder, distant)
    yield distant
    shutil.rmtree(distant)


@pytest.fixture(scope="module")
def running(distant):
    """Its server, for tests that only look at it, and how both roles reach it."""
    commands = Commands()
    yield reached(commands.begin(distant))
    commands.clear()


@pytest.fixture
def stranger():
    """How a process becomes an ordinary user, and a Python that user can start."""
    nobody = pwd.getpwnam("nobody")
    account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            seen = subprocess.run([python, "-c", "import psycopg"], cwd=INSTALLED, check=False, **account)
            if seen.returncode == 0:
                return {"python": python, "account": account}
    return pytest.skip("no Python that another user can start")


@pytest.fixture
def open_folder(commands):
    """A folder other users can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    commands.clear()
    shutil.rmtree(folder)


def reached(process):
    """How the login and the owner reach the server, once the command has it."""
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return [{"dbname": c["NAME"], "user": c["USER"], "host": c["HOST"], "port": c["PORT"]} for c in json.loads(line)]


def ask(role, question):
    with psycopg.connect(**role, autocommit=True) as connection:
        return connection.execute(question).fetchone()


def end(process):
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")


def postmaster(folder):
    return int((folder / "postgres/postmaster.pid").read_text().split()[0])


def kill_server(folder):
    pid = postmaster(folder)
    assert pid in processes_in(folder / "postgres")
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in processes_in(folder / "postgres"))


def until(fact):
    for _ in range(500):
        if fact():
            return
        time.sleep(0.02)
    pytest.fail("waited in vain")


def test_neither_role_passes_row_security_and_the_login_owns_nothing(running):
    login, owner = running

    attributes = "SELECT current_user, rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    owned = "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = current_user::regrole"
    assert ask(login, attributes) == ("smi", False, False, False)
    assert ask(owner, attributes) == ("smi_owner", False, False, True)
    assert ask(login, owned) == (0,)
    assert ask(owner, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'smi'") == ("smi_owner",)
    assert ask(login, "SELECT has_schema_privilege('public', 'CREATE')") == (False,)


def test_database_is_utf8_and_sorts_by_bytes(running):
    login, _ = running

    assert ask(login, "SHOW server_encoding") == ("UTF8",)
    assert ask(login, "SELECT 'Z' < 'a'") == (True,)


def test_server_listens_on_a_private_socket_only(running, distant):
    login, _ = running

    assert ask(login, "SHOW listen_addresses") == ("",)
    assert stat.S_IMODE((distant / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE((distant / "postgres/.s.PGSQL.5432").stat().st_mode) == 0o700


def test_server_holds_none_of_the_locks(running, distant):
    files = [str(link.readlink()) for link in Path(f"/proc/{postmaster(distant)}/fd").iterdir()]

    assert not [name for name in files if name.endswith((".lock", ".users")) and "PGSQL" not in name]


def test_commands_that_begin_together_make_and_share_one_server(together):
    _, started = together

    assert len(started) == 3
    assert len(set(started)) == 1


def test_last_command_out_stops_the_server(commands, folder):
    first, second = commands.begin(folder), commands.begin(folder)
    login, _ = reached(first)
    reached(second)

    end(first)
    assert ask(login, "SELECT 1") == (1,)
    end(second)
    assert processes_in(folder / "postgres") == []


def test_many_short_commands_never_miss_the_server_whatever_their_environment(commands, folder):
    asking = """
import psycopg
name, user, host, port = connections.owner
with psycopg.connect(dbname=name, user=user, host=host, port=port) as connection:
    print(*connection.execute("SELECT 7").fetchone())
"""

    for _ in range(2):
        together = [commands.begin(folder, script=COMMAND + asking, **ODD) for _ in range(3)]
        answers = [process.communicate(timeout=60) for process in together]
        assert [(output.splitlines()[1:], complaints) for output, complaints in answers] == [(["7"], "")] * 3
    assert processes_in(folder / "postgres") == []


def test_killed_command_leaves_the_server_to_the_next(commands, folder):
    killed = commands.begin(folder)
    reached(killed)
    server = postmaster(folder)
    killed.kill()
    killed.wait()

    following = commands.begin(folder)
    reached(following)
    assert postmaster(folder) == server
    end(following)
    assert processes_in(folder / "postgres") == []


def test_forked_child_does_not_stop_the_server_at_its_end(commands, folder):
    forking = "import os\n" + COMMAND.replace("print(", "if os.fork() == 0: sys.exit()\nos.wait()\nprint(")
    login, _ = reached(commands.begin(folder, script=forking))

    assert ask(login, "SELECT 1") == (1,)


def test_killed_server_comes_back_with_its_data_though_its_id_is_used_again(commands, folder):
    _, owner = reached(commands.begin(folder))
    with psycopg.connect(**owner) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_server(folder)
    for record in (folder / "postgres/postmaster.pid", folder / "postgres/.s.PGSQL.5432.lock"):
        record.write_text("\n".join([str(os.getpid()), *record.read_text().splitlines()[1:]]))

    _, owner = reached(commands.begin(folder))
    assert ask(owner, "SELECT answer FROM kept") == (42,)


def test_busy_backend_of_a_killed_server_is_ended_and_no_other(running, commands, folder):
    login, _ = reached(commands.begin(folder))
    connection = psycopg.connect(**login)
    connection.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    backend = connection.info.backend_pid
    kill_server(folder)
    assert backend in processes_in(folder / "postgres")

    login, _ = reached(commands.begin(folder))
    assert ask(login, "SELECT 1") == (1,)
    assert backend not in processes_in(folder / "postgres")
    assert ask(running[0], "SELECT 1") == (1,)
    connection.close()


def test_command_killed_while_making_the_database_is_made_good(commands, empty):
    killed = commands.begin(empty)
    until(lambda: list(empty.glob("postgres.new-*/PG_VERSION")))
    killed.kill()
    killed.wait()

    login, _ = reached(commands.begin(empty))
    assert ask(login, "SELECT 1") == (1,)


def test_copied_folder_is_a_database_of_its_own(running, commands, distant, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(distant, copy, ignore=lambda _, names: [name for name in names if name.startswith(".s.")])

    command = commands.begin(copy)
    login, _ = reached(command)
    assert ask(login, "SELECT 1") == (1,)
    assert postmaster(copy) != postmaster(distant)
    end(command)
    assert ask(running[0], "SELECT 1") == (1,)


def test_path_too_long_for_a_socket_leads_to_the_same_server(running, distant):
    joining = Commands().begin(distant)
    login, owner = reached(joining)
    end(joining)

    assert [login, owner] == running
    assert len(os.fsencode(login["host"])) < len(os.fsencode(distant))
    assert ask(login, "SELECT 1") == (1,)


def test_server_that_does_not_start_is_explained_by_its_log(commands, folder):
    settings = folder / "postgres/postgresql.conf"
    written = settings.read_text()
    settings.write_text(f"{written}work_mem = plenty\n")

    _, complaints = commands.run(folder)
    settings.write_text(written)
    assert 'invalid value for parameter "work_mem"' in complaints
    assert "DATABASE_URL" in complaints


def test_data_of_another_version_is_refused_with_advice(commands, folder):
    (folder / "postgres/PG_VERSION").write_text("16\n")

    _, complaints = commands.run(folder)
    assert "was created by PostgreSQL 16" in complaints
    assert "delete it" in complaints
    (folder / "postgres/PG_VERSION").write_text(f"{VERSION}\n")


def test_missing_wheel_is_explained(tmp_path):
    for package in ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions.py"):
        (tmp_path / package).symlink_to(INSTALLED / package)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    command = [sys.executable, "-S", "-c", COMMAND, tmp_path / ".local"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Install the extra: pip install 'smi-portal[embedded]'" in done.stderr
    assert "DATABASE_URL" in done.stderr


@AS_ROOT
def test_root_uses_the_database_of_an_ordinary_user(commands, open_folder, stranger):
    os.chown(open_folder, stranger["account"]["user"], stranger["account"]["group"])

    for options in (stranger, {}):
        _, complaints = commands.run(open_folder / ".local", **options)
        assert complaints == ""


@AS_ROOT
def test_database_of_root_is_refused_to_others_with_advice(commands, folder, open_folder, stranger):
    shutil.copytree(folder, open_folder / ".local")

    _, complaints = commands.run(open_folder / ".local", **stranger)
    assert "run the command as that user" in complaints


@AS_ROOT
def test_root_runs_the_server_below_a_private_folder(running, distant):
    assert ask(running[0], "SELECT 1") == (1,)
    assert stat.S_IMODE(distant.parent.stat().st_mode) == 0o700
    assert (distant / "postgres").stat().st_uid == 0


@AS_ROOT
def test_root_of_a_container_runs_the_server_as_nobody(commands, empty):
    """Without namespaces, and without the right to look into the processes of others."""
    confined = (shutil.which("setpriv"), "--bounding-set=-sys_ptrace")
    for _ in range(2):
        command = commands.begin(empty, prefix=confined, PATH="/nowhere")
        login, _ = reached(command)
        assert ask(login, "SELECT 1") == (1,)
        assert Path(f"/proc/{postmaster(empty)}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        end(command)
        assert processes_in(empty / "postgres") == []
    home = (empty / "postgres").readlink().parent
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    shutil.rmtree(home)
