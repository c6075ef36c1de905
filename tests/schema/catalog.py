"""What a database holds of functions, policies and triggers, and whether the files say the same."""

from django.db import connections, transaction

from smi_portal.schema import applying, source

DEFINITIONS = """
SELECT 'function ' || p.oid::regprocedure, pg_get_functiondef(p.oid) || ' for ' || coalesce(p.proacl::text, 'all')
FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('policy %s of %s', policyname, tablename), concat_ws(' | ', permissive, roles, cmd, qual, with_check)
FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT format('trigger %s of %s', t.tgname, t.tgrelid::regclass), pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT 'row security of ' || c.oid::regclass, concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity)
FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""


def definitions() -> dict[str, str]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(DEFINITIONS)
        return dict(cursor.fetchall())


def differences() -> set[str]:
    """Return what differs between the database and the files, or is in only one of them."""
    with transaction.atomic(using="owner"):
        found = definitions()
        applying.apply("owner", source.read(), anew=True)
        wanted = definitions()
        transaction.set_rollback(True, using="owner")
    return {name for name, _ in found.items() ^ wanted.items()}
