"""Functions and triggers that libraries generate: those of pghistory, made by pgtrigger, which write history."""

from collections.abc import Iterator

import pgtrigger.installation
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from pgtrigger import Trigger, registry

# Names of functions and triggers: pgtrigger installs its own, and procrastinate's migrations create theirs.
NAMES = r"ARRAY['pgtrigger\_%', '\_pgtrigger\_%', 'procrastinate\_%']"
OF_PGTRIGGER = r"""
SELECT p.oid::regprocedure::text, p.prorettype = 'trigger'::regtype, p.proname LIKE 'pgtrigger\_update\_%'
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND pg_get_userbyid(p.proowner) = current_user
    AND p.proname LIKE ANY (ARRAY['pgtrigger\_%', '\_pgtrigger\_%'])
"""


def tables_to_change(using: str) -> set[str]:
    """Return the tables with triggers of pgtrigger that differ from the models."""
    pruned = {str(table) for table, *_ in pgtrigger.installation.prunable(database=using)}
    return pruned | {model._meta.db_table for model, _ in _outdated(using)}


def install(using: str) -> None:
    for model, trigger in _outdated(using):
        trigger.install(model, database=using)
    pgtrigger.installation.prune(database=using)


def _outdated(using: str) -> Iterator[tuple[type[Model], Trigger]]:
    for model, trigger in registry.registered():
        if trigger.get_installation_status(model, database=using) != ("INSTALLED", True):
            yield model, trigger


def settle_functions(cursor: CursorWrapper) -> None:
    """Set what pgtrigger leaves open: the search path, and a hash join of the rows before and after, however few.

    Triggers write history as the owner, because the portal's login cannot. A session plans that join once: with the
    loop that is best for one row, 100,000 rows took hours in a trial.
    """
    cursor.execute(OF_PGTRIGGER)
    for signature, is_of_trigger, joins in cursor.fetchall():
        cursor.execute(f"ALTER FUNCTION {signature} SET search_path = public, pg_temp")
        if is_of_trigger:
            cursor.execute(f"ALTER FUNCTION {signature} SECURITY DEFINER")
        if joins:
            cursor.execute(f"ALTER FUNCTION {signature} SET enable_nestloop = off")
