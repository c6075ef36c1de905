"""Clients that two generators make from the description of the API can call every operation of it."""

import json
import subprocess
from pathlib import Path

import pytest

from accounts.roles import Job, Role
from inventory.api.description import described
from tests.factories import bind, make_device, make_organisation, make_participant, make_token
from tests.server import ROOT, running

PROGRAMS = ROOT / ".local" / "generators" / "bin"

pytestmark = [pytest.mark.drill, pytest.mark.django_db(transaction=True, databases=["default", "owner"])]


@pytest.fixture(scope="module")
def generators() -> Path:
    """The programs, in an environment of their own, as the portal does not need them."""
    subprocess.run(["make", "generators"], cwd=ROOT, check=True, capture_output=True, timeout=600)
    return PROGRAMS


@pytest.fixture
def made(generators, tmp_path: Path) -> Path:
    """A folder with a client by each of them."""
    (tmp_path / "description.json").write_text(json.dumps(described()))
    commands = (
        "openapi-python-client generate --meta none --path description.json --output-path openapi_python_client_made",
        "openapi-generator-cli generate -g python -i description.json -o made --package-name openapi_generator_made",
    )
    for program, *arguments in map(str.split, commands):
        subprocess.run([generators / program, *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=300)
    (tmp_path / "made" / "openapi_generator_made").rename(tmp_path / "openapi_generator_made")
    return tmp_path


def test_generated_clients_call_every_operation(operator, made):
    supplier, provider = make_organisation("Zephyr Energy", Role.SUPPLIER), make_organisation("Zenith", Role.MAP)
    bind(supplier, make_participant("ZEPH", role=Role.SUPPLIER))
    bind(provider, make_participant("ZMAP"))
    devices = [make_device("ZEPH", "ZMAP") for _ in range(2)]
    given = {
        "supplier": make_token(supplier, Job.EDITOR).secret,
        "map": make_token(provider, Job.VIEWER).secret,
        "device_ids": [str(device) for device in devices],
    }

    with running() as server:
        command = [PROGRAMS / "python", ROOT / "tests" / "api" / "generated_clients.py", made]
        text = json.dumps(given | {"url": server.url})
        ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 0, ended.stderr
    operations = {operation["operationId"] for path in described()["paths"].values() for operation in path.values()}
    assert json.loads(ended.stdout) == {
        name: dict.fromkeys(operations, 200) for name in ("openapi_python_client", "openapi_generator")
    }
