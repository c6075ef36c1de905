"""What `make` says where it cannot begin."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

OLDER = f"""#!{sys.executable}
import sys
sys.version_info = (3, 10, 14, "final", 0)
exec(sys.argv[2])
"""


@pytest.fixture
def bare(tmp_path) -> Path:
    """A folder in which nothing is installed yet."""
    (tmp_path / "requirements-dev.txt").touch()
    return tmp_path


def made(folder: Path, python: Path) -> subprocess.CompletedProcess:
    command = ["make", "--file", settings.BASE_DIR / "Makefile", ".venv/installed", f"PYTHON={python}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("is_there", [True, False])
def test_python_that_is_older_or_missing_is_refused_with_a_sentence(bare, is_there):
    python = bare / "python3"
    if is_there:
        python.write_text(OLDER)
        python.chmod(0o755)

    done = made(bare, python)

    assert done.returncode != 0
    assert f"The portal needs Python 3.11 or newer, but {python} is missing or older." in done.stdout
    assert not (bare / ".venv").exists()


def test_demo_on_a_port_in_use_is_refused_with_a_sentence_before_it_touches_the_database():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = ["make", "--old-file=assets", "demo", f"PORT={port}", f"RUN={sys.executable}"]
        done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode != 0
    assert f"Port {port} cannot be used." in done.stdout
    assert "Database" not in done.stdout
