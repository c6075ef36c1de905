"""`smi verify`: a file is what its manifest says, or the command says in what it differs."""

import hashlib
import json
from pathlib import Path

import pytest

from smi.cli import main

DATA = b"map_id,msn\r\nZMAP,0012\r\nZMAP,0013\r\n"


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """A file with its manifest, on a machine that is not logged in anywhere."""
    for name in ("SMI_URL", "SMI_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "report.csv"
    path.write_bytes(DATA)
    keep(path)
    return path


def keep(path: Path, **changed: object) -> None:
    told = {
        "format": "csv",
        "as_of": "2026-11-23",
        "outcome": "complete",
        "rows": 2,
        "bytes": len(DATA),
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "columns": [{"name": name, "type": "text", "empty": "-"} for name in ("map_id", "msn")],
    }
    Path(f"{path}.manifest.json").write_text(json.dumps(told | changed))


def test_file_that_is_as_its_manifest_says(file, capsys):
    assert main(["verify", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: as its manifest says, 2 rows, as of 2026-11-23.\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (DATA[:-11], ["rows: 1, and 2 in the manifest", "bytes: ", "sha256: "]),
        (DATA.replace(b"0013", b"0014"), ["sha256: "]),
        (DATA.replace(b"\r\n", b"\n"), ["bytes: ", "sha256: "]),
        (DATA.replace(b"map_id,msn", b"msn,map_id"), ["sha256: ", "header: the columns are in another order"]),
        (DATA.replace(b"msn", b"mpx"), ["sha256: ", "header: mpx, msn"]),
        (b"", ["rows: 0", "bytes: 0", "sha256: ", "header: "]),
    ],
)
def test_file_that_has_changed_is_told_by_what_differs(file, capsys, data, says):
    file.write_bytes(data)

    assert main(["verify", str(file)]) == 4
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"{file} is not the file that its manifest describes."
    assert [line.strip().startswith(start) for line, start in zip(told[1:], says, strict=True)] == [True] * len(says)


def test_workbook_is_checked_by_its_bytes(file):
    keep(file, format="xlsx", rows=999)

    assert main(["verify", str(file)]) == 0


def test_manifest_elsewhere_can_be_named(file):
    manifest = Path(f"{file}.manifest.json").rename(file.with_name("of another name.json"))

    assert main(["verify", str(file)]) == 2
    assert main(["verify", str(file), "--manifest", str(manifest)]) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<html>", "is not JSON"),
        ("[]", "has no sha256"),
        ("{}", "has no sha256"),
        ('{"sha256": null, "outcome": "broken_off"}', "not complete (broken_off)"),
    ],
)
def test_what_is_no_manifest_of_a_whole_file_is_refused(file, capsys, text, says):
    Path(f"{file}.manifest.json").write_text(text)

    assert main(["verify", str(file)]) == 2
    assert says in capsys.readouterr().err


def test_file_that_is_not_there_is_told_as_such(file, capsys):
    file.unlink()

    assert main(["verify", str(file)]) == 2
    assert "cannot be read: No such file or directory." in capsys.readouterr().err
