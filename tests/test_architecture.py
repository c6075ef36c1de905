"""Which module may import which, that migrations are complete, and what settings take from the environment."""

import ast
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

ROOT = Path(settings.BASE_DIR)
# Inside inventory, a room may import those of its own floor and of the floors below; `apps` joins them all.
FLOORS = (
    ("views", "api", "management", "tasks", "urls"),
    ("forms", "reports", "loads", "demo", "look_ups", "trail.words"),
    ("recording", "trail", "devices", "history"),
    ("rules", "data_items"),
    ("models",),
    ("querysets",),
    ("identifiers", "quality", "statements", "wording"),
    ("characters", "pasted"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def modules(*packages: str) -> dict[str, Path]:
    """Each module's full name, and its file."""
    return {name_of(path): path for package in packages for path in (ROOT / package).rglob("*.py")}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = modules("accounts", "inventory", "smi_portal")
INVENTORY = [name for name in MODULES if name.startswith("inventory.") and name != "inventory.apps"]


def imports(source: str) -> set[str]:
    """Full names of what a module imports, wherever in the file, for types alone or not."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_modules(source: str) -> set[str]:
    """`accounts.roles` for `from accounts.roles import Job`, of our own modules alone."""
    return {name if name in MODULES else name.rpartition(".")[0] for name in imports(source)} & MODULES.keys()


USED = {name: imported_modules(path.read_text()) for name, path in MODULES.items()}


def uses(one: str, *others: str) -> list[tuple[str, str]]:
    """Where a module of package `one` imports from one of the others."""
    return [(name, used) for name in USED if within(name, one) for used in USED[name] if within(used, *others)]


def within(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def circle_in(used: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(used).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_accounts_knows_neither_inventory_nor_the_site():
    assert not uses("accounts", "inventory", "smi_portal")


def test_inventory_does_not_know_the_site():
    assert not uses("inventory", "smi_portal")


def test_no_module_imports_itself_through_others():
    assert not circle_in(USED)


def test_circle_is_found_also_where_types_alone_make_it():
    for_types = "if TYPE_CHECKING:\n    from inventory.models import Device"
    assert circle_in(USED | {"inventory.identifiers": imported_modules(for_types)})

    assert imported_modules("def late():\n    from accounts import roles") == {"accounts.roles"}
    assert set(circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


@pytest.mark.parametrize("name", INVENTORY)
def test_inventory_imports_go_one_way(name):
    own, used = room(name), {room(used) for used in USED[name] if within(used, "inventory")} - {"migrations"}
    if own == "migrations":
        return

    assert not [other for other in used if FLOOR_OF[other] < FLOOR_OF[own]]


def room(name: str) -> str:
    """`inventory.reports.copy` → `reports`, but where a module has a floor of its own."""
    own = name.removeprefix("inventory.")
    return own if own in FLOOR_OF else own.split(".")[0]


def test_pages_and_api_do_not_know_each_other():
    assert not uses("inventory.views", "inventory.api")
    assert not uses("inventory.api", "inventory.views")


def test_imports_stand_at_the_top():
    """No import inside a function; settings alone start the embedded database where it is needed."""
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path}: {node.name}"


def test_one_module_alone_imports_what_is_internal_to_django_allauth():
    """And that one says why; what is internal may change with each of its versions."""
    internal = {
        name
        for name, path in MODULES.items()
        if any(used.startswith("allauth.") and ".internal" in used for used in imports(path.read_text()))
    }

    assert internal == {"accounts.sign_in.allauth_internals"}


def test_migrations_are_complete(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def said_under_settings(code, **environment):
    """What `code` prints in a process where a database is given."""
    given = {"DATABASE_URL": "postgresql://smi@db.example/smi", "SECRET_KEY": "x", "PORTAL_URL": "https://p.example"}
    told = os.environ | given | environment
    command = [sys.executable, "-c", f"import sys; from smi_portal import settings; print({code})"]
    return subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=True).stdout.strip()


def test_embedded_is_not_imported_where_a_database_is_given():
    assert said_under_settings("[m for m in sys.modules if 'embedded' in m or 'pgserver' in m]") == "[]"


def test_keys_are_taken_as_they_stand():
    """One in fifty that Django makes begins with a dollar."""
    keys = {"SECRET_KEY": "$x=1", "SECRET_KEY_FALLBACKS": "$HOME,y"}

    assert said_under_settings("settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS", **keys) == "$x=1 ['$HOME', 'y']"
