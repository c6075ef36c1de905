"""A report becomes a file only when it is what its manifest says."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from smi.download import manifest_path
from tests.client.unruly import HTML, Answer, problem

DOWNLOAD, MANIFEST = "reports/map-portfolio/download/", "reports/runs/7/manifest/"
CONTENT = b"as_of,map_id\r\n" + b"2026-11-23,ZMAP\r\n" * 5000
RIGHT = {
    "outcome": "complete",
    "rows": 5000,
    "bytes": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
}


def csv(link=f"</api/v1/{MANIFEST}>", body=CONTENT, **parts):
    headers = {"Link": f'{link}; rel="describedby"', "Content-Disposition": 'attachment; filename="zenith.csv"'}
    return Answer(body, kind="text/csv; charset=utf-8", headers=headers | parts.pop("headers", {}), **parts)


@pytest.fixture
def fetch(server, smi):
    """`fetch(answer, manifest, …, arguments=…)`: download it from a server that answers so."""

    def call(answer, *manifests, arguments=()):
        server.will(f"GET {DOWNLOAD}", answer)
        server.will(f"GET {MANIFEST}", *[Answer(manifest) for manifest in manifests])
        return smi("report", "download", "map-portfolio", *arguments)

    return call


def left():
    return sorted(path.name for path in Path.cwd().iterdir())


def test_manifest_whose_outcome_is_not_recorded_yet_is_asked_for_again(fetch):
    ended = fetch(csv(), RIGHT | {"outcome": "running", "sha256": None}, RIGHT)

    assert ended == (0, "zenith.csv: as its manifest says.\n", ended.err)
    assert Path("zenith.csv").read_bytes() == CONTENT
    assert json.loads(Path("zenith.csv.manifest.json").read_text()) == RIGHT
    assert left() == ["zenith.csv", "zenith.csv.manifest.json"]


def test_digest_is_of_the_decoded_bytes(fetch, server):
    packed = csv(body=gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})

    ended = fetch(packed, RIGHT)

    assert ended.code == 0
    assert Path("zenith.csv").read_bytes() == CONTENT
    assert "gzip" in server.headers_heard("Accept-Encoding")[0]


def test_a_log_gets_one_line_of_how_much_it_was(fetch):
    ended = fetch(csv(), RIGHT)

    assert ended.err.startswith(f"{len(CONTENT):,} bytes, 5,000 rows, ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"rows": 4999}, {"bytes": 1}, {"bytes": None}])
def test_file_that_is_not_what_its_manifest_says_is_not_kept(fetch, wrong):
    ended = fetch(csv(), RIGHT | wrong)

    assert ended.code == 3
    assert f"not what its manifest says, by {next(iter(wrong))}" in ended.err
    assert left() == []


@pytest.mark.parametrize("outcome", ["failed", "broken_off", "running", None])
def test_file_of_a_run_that_is_not_complete_is_not_kept(fetch, outcome):
    ended = fetch(csv(), RIGHT | {"outcome": outcome})

    assert ended.code == 3
    assert "does not record this report as complete" in ended.err
    assert left() == []


@pytest.mark.parametrize("sent", [0, 40_000])
def test_broken_connection_leaves_no_file(fetch, sent):
    ended = fetch(csv(sent=sent), RIGHT)

    assert ended.code == 3
    assert "The connection broke off before the end" in ended.err
    assert "Traceback" not in ended.err
    assert left() == []


def test_damaged_compression_leaves_no_file(fetch):
    ended = fetch(csv(headers={"Content-Encoding": "gzip"}), RIGHT)

    assert ended.code == 3
    assert left() == []


def test_page_of_a_proxy_is_not_taken_for_a_report(fetch):
    ended = fetch(HTML, RIGHT)

    assert ended.code == 3
    assert "does not answer as the portal does: status 200, text/html" in ended.err
    assert left() == []


def test_manifest_elsewhere_is_not_asked_for(fetch):
    ended = fetch(csv(link="<https://elsewhere.example/manifest/>"), RIGHT)

    assert ended.code == 3
    assert "not followed: https://elsewhere.example/manifest/" in ended.err
    assert left() == []


def test_manifest_that_is_refused_leaves_no_file(server, smi):
    server.will(f"GET {DOWNLOAD}", csv())
    server.will(f"GET {MANIFEST}", problem(404, "Not found"))

    ended = smi("report", "download", "map-portfolio")

    assert ended.code == 1
    assert "Not found." in ended.err
    assert left() == []


def test_report_without_a_manifest_is_kept_and_says_so(fetch):
    Path("zenith.csv.manifest.json").write_text("of an older file")

    ended = fetch(Answer(CONTENT, kind="text/csv"), arguments=("-o", "zenith.csv", "--force"))

    assert ended[:2] == (0, "zenith.csv: no manifest to verify against.\n")
    assert left() == ["zenith.csv"]


@pytest.mark.parametrize("there", ["mine.csv", "mine.csv.manifest.json"])
def test_file_that_is_there_is_not_replaced_and_nothing_is_asked(fetch, server, there):
    Path(there).write_text("mine")

    ended = fetch(csv(), RIGHT, arguments=("-o", "mine.csv"))

    assert ended[:2] == (2, "")
    assert ended.err == f"{there} exists already: use --force to replace it.\n"
    assert Path(there).read_text() == "mine"
    assert server.heard == []


def test_broken_download_with_force_leaves_the_former_file(fetch):
    Path("mine.csv").write_text("mine")

    ended = fetch(csv(sent=100), RIGHT, arguments=("-o", "mine.csv", "--force"))

    assert ended.code == 3
    assert left() == ["mine.csv"]
    assert Path("mine.csv").read_text() == "mine"


def test_partial_file_of_another_command_is_left_alone(fetch):
    Path("mine.csv.part").write_text("growing")

    ended = fetch(csv(), RIGHT, arguments=("-o", "mine.csv"))

    assert ended.code == 2
    assert Path("mine.csv.part").read_text() == "growing"


@pytest.mark.parametrize("output", ["-", "."])
def test_report_goes_to_no_place_where_it_could_not_be_checked_first(fetch, output):
    assert fetch(csv(), RIGHT, arguments=("-o", output)).code == 2


@pytest.mark.parametrize("name", ["../../etc/passwd", ".bashrc", "a\tb.csv", "", "a" * 300])
def test_name_that_the_server_gives_leads_nowhere_else(fetch, name):
    ended = fetch(csv(headers={"Content-Disposition": f'attachment; filename="{name}"'}), RIGHT)

    assert ended.code == 0
    assert left() == ["map-portfolio.csv", "map-portfolio.csv.manifest.json"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_stopped_download_leaves_no_file_and_no_traceback(server, tmp_path, ending):
    server.will(f"GET {DOWNLOAD}", csv(sent=70_000, stalls=True))
    command = [sys.executable, "-m", "smi", "report", "download", "map-portfolio", "-o", "mine.csv"]
    environment = os.environ | {"PYTHONPATH": str(Path(manifest_path.__code__.co_filename).parents[1])}
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests in the background may ignore it
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heeding
    ) as program:
        wait_for(tmp_path / "mine.csv.part")
        program.send_signal(ending)
        _, said = program.communicate(timeout=10)

    assert program.returncode == 130
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said
    assert left() == []


def wait_for(path):
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, "the download did not begin"
        time.sleep(0.01)
