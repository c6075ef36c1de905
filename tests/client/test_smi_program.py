"""`smi` as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import smi.cli
from tests.client.unruly import Answer

CLIENT = Path(smi.cli.__file__).parents[1]


def program(*arguments, **kwargs):
    environment = os.environ | {"PYTHONPATH": str(CLIENT), "PYTHONIOENCODING": "ascii"}
    return subprocess.Popen([sys.executable, "-m", "smi", *arguments], env=environment, text=True, **kwargs)


def test_help_names_the_exit_codes():
    with program("--help", stdout=subprocess.PIPE) as running:
        said, _ = running.communicate(timeout=20)

    assert running.returncode == 0
    assert "refused by the portal" in said


def test_output_that_nobody_reads_to_its_end_is_no_mistake(server):
    rows = [{"device_id": "–" * 80}] * 1000
    server.will("GET devices/", Answer({"next": None, "previous": None, "results": rows}))
    with program("device", "list", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()

    assert running.returncode == 141
    assert said == ""


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("device",),
        ("device", "list", "--limit", "0"),
        ("device", "list", "--csv", "-", "--json"),
        ("device", "set", "A"),
        ("device", "set", "A", "--msn", "Z1", "--kind", "other"),
        ("login", "--token", "smi_x"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_said_before_anything_is_sent(server, smi, arguments):
    ended = smi(*arguments)

    assert ended.code == 2
    assert ended.err
    assert server.heard == []
