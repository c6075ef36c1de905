"""Which module may import which, that migrations are complete, and what settings take from the environment."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

ROOT = Path(settings.BASE_DIR)
# Inside inventory, a layer may import those after it; `views`, `api` and `commands` stand side by side on top.
LAYERS = (
    ("views", "api", "management", "urls"),
    ("demo",),
    ("forms", "reports", "loading", "generation", "presentation", "worklists", "tasks", "trail"),
    ("filters", "actions", "recording", "paging", "history", "lookup"),
    ("data_items",),
    ("loading_rules",),
    ("models",),
    ("querysets",),
    ("identifiers", "quality", "sql", "statistics", "wording"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def modules(*packages: str) -> list[Path]:
    found = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    return [path for path in found if "migrations" not in path.parts and path.name != "__init__.py"]


def imports(path: Path) -> set[str]:
    """Full names of the modules a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(dotted: str) -> str:
    """`inventory.reports.copy` → `reports`."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_accounts_knows_neither_inventory_nor_the_site():
    for path in modules("accounts"):
        assert not [name for name in imports(path) if name.startswith(("inventory", "smi_portal"))], path


def test_inventory_does_not_know_the_site():
    for path in modules("inventory"):
        assert not [name for name in imports(path) if name.startswith("smi_portal")], path


@pytest.mark.parametrize("path", modules("inventory"), ids=lambda path: str(path.relative_to(ROOT)))
def test_inventory_imports_go_one_way(path):
    own = layer(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own == "apps":
        return
    used = {layer(name) for name in imports(path) if name.startswith("inventory.")} & RANK.keys()

    assert own in RANK, f"{own} has no layer"
    assert not [name for name in used if RANK[name] < RANK[own]], path


def test_pages_and_api_do_not_know_each_other():
    for one, other in (("views", "api"), ("api", "views")):
        for path in modules(f"inventory/{one}"):
            assert not [name for name in imports(path) if name.startswith(f"inventory.{other}")], path


def test_imports_stand_at_the_top():
    """No import inside a function; settings alone start the embedded database where it is needed."""
    for path in modules("accounts", "inventory", "smi_portal"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path}: {node.name}"


def test_one_module_alone_imports_what_is_internal_to_django_allauth():
    """And that one says why; what is internal may change with each of its versions."""
    internal = {
        path.name
        for path in modules("accounts", "inventory", "smi_portal")
        if any(name.startswith("allauth.") and ".internal" in name for name in imports(path))
    }

    assert internal == {"allauth_internals.py"}


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
