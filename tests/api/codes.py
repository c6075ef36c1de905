"""The codes of errors that the API can answer, as found in its code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django import forms
from django.conf import settings
from rest_framework import serializers

from inventory.api.serializers.recording import BatchSerializer, ItemsSerializer
from inventory.devices.filters import DeviceFilter
from inventory.forms.past import PastForm
from inventory.rules.table import OF_RECORDING

ROOT = Path(settings.BASE_DIR)
MODULES = (
    *ROOT.glob("inventory/api/*.py"),
    *(path for room in ("devices", "forms", "recording", "rules") for path in ROOT.glob(f"inventory/{room}/*.py")),
    *(ROOT / f"inventory/{name}.py" for name in ("identifiers", "look_ups")),
    *(ROOT / f"accounts/{name}.py" for name in ("access", "errors", "idempotency", "limits")),
    ROOT / "accounts/forms/people.py",
    ROOT / "smi_portal/refusals/problems.py",
)
# Where a call that makes a problem says its code: by this argument, or by the keyword `code`.
PLACES = {"Problem": 1, "InvalidIdentifier": 1, "refuse": 1, "ValidationError": 1}
# What fields could say, and here never do, for the type of a value is checked first, or because no limit is set.
NEVER = {"max_string_length", "min_length", "datetime", "surrogate_characters_not_allowed"}
OF_VALIDATORS = {"null_characters_not_allowed", "surrogate_characters_not_allowed"}


def written() -> set[str]:
    """The codes written in the code where a problem is made, and those of the table of rules."""
    return {rule.code for rule in OF_RECORDING} | {
        code for path in MODULES for code in _of_module(ast.parse(path.read_text()))
    }


def _of_module(tree: ast.Module) -> Iterator[str]:
    for scope in ast.walk(tree):
        if isinstance(scope, ast.ClassDef | ast.FunctionDef):
            yield from _defaults(scope)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _name(call.func) in PLACES:
            yield from _texts(_place(call), tree)


def _defaults(scope: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    """Of `code: str = "invalid"`, in a class or a signature."""
    if isinstance(scope, ast.FunctionDef):
        named = scope.args.args[len(scope.args.args) - len(scope.args.defaults) :]
        yield from (v.value for a, v in zip(named, scope.args.defaults, strict=True) if a.arg == "code")
        return
    for line in scope.body:
        if isinstance(line, ast.AnnAssign) and _name(line.target) == "code" and line.value:
            yield line.value.value


def _place(call: ast.Call) -> ast.expr | None:
    by_keyword = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    place = PLACES[_name(call.func)]
    return by_keyword[0] if by_keyword else call.args[place] if len(call.args) > place else None


def _texts(code: ast.expr | None, tree: ast.Module) -> Iterator[str]:
    """The texts in an expression; of a plain name those it is given anywhere in the module."""
    if isinstance(code, ast.IfExp):
        yield from (*_texts(code.body, tree), *_texts(code.orelse, tree))
    if isinstance(code, ast.Constant):
        yield code.value
    if isinstance(code, ast.Name):
        given = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and _name(n.targets[0]) == code.id]
        for line in given:
            yield from _texts(line.value, tree)


def _name(node: ast.expr) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def of_fields() -> set[str]:
    """The codes of the fields of bodies and of the forms behind parameters."""
    bodies = {code for field in _fields(BatchSerializer(), ItemsSerializer()) for code in field.error_messages}
    asked = (*DeviceFilter.base_filters.values(), *PastForm.base_fields.values())
    fields = [getattr(one, "field", one) for one in asked]
    queries = {code for field in fields if isinstance(field, forms.Field) for code in field.error_messages}
    return (bodies | queries | OF_VALIDATORS) - NEVER


def _fields(*those: serializers.Field) -> Iterator[serializers.Field]:
    for one in those:
        yield one
        if isinstance(one, serializers.ListSerializer):
            yield from _fields(one.child)
        elif isinstance(one, serializers.Serializer):
            yield from _fields(*one.fields.values())
