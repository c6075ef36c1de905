"""The cache, in a table: what allauth counts and what is used only once.

Values are signed JSON and keys are hashes: nothing that somebody writes there is ever run or believed, and no address
or code is stored. A write is one statement; the worker removes what has expired (`accounts/tasks.py`).
"""

import hashlib

from django.core import signing
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import connection
from psycopg import sql

GET = "SELECT cache_key, value FROM {table} WHERE cache_key = ANY (%s) AND expires > statement_timestamp()"
SET = """
INSERT INTO {table} AS former (cache_key, value, expires)
VALUES (%s, %s, coalesce(statement_timestamp() + make_interval(secs => %s), 'infinity'))
ON CONFLICT (cache_key) DO UPDATE SET value = EXCLUDED.value, expires = EXCLUDED.expires
"""
ADD = SET + "WHERE former.expires <= statement_timestamp()"
TOUCH = """
UPDATE {table} SET expires = coalesce(statement_timestamp() + make_interval(secs => %s), 'infinity')
WHERE cache_key = %s AND expires > statement_timestamp()
"""
DELETE = "DELETE FROM {table} WHERE cache_key = ANY (%s)"
CLEAR = "DELETE FROM {table}"


def hashed_key(key: str, prefix: str, version: int) -> str:
    return hashlib.sha256(f"{prefix}:{version}:{key}".encode()).hexdigest()


class JsonCache(BaseDatabaseCache):
    """Django's database cache with signed JSON in place of pickles, and without counting all entries at each write.

    A value that the portal did not write under this key counts as missing. A tuple comes back as a list.
    """

    def get(self, key: str, default: object = None, version: int | None = None) -> object:
        return self.get_many([key], version).get(key, default)

    def get_many(self, keys: list[str], version: int | None = None) -> dict[str, object]:
        asked = {self._key(key, version): key for key in keys}
        with connection.cursor() as cursor:
            cursor.execute(self._statement(GET), [list(asked)])
            return {asked[key]: value for key, text in cursor for value in _values(key, text)}

    def has_key(self, key: str, version: int | None = None) -> bool:
        return key in self.get_many([key], version)

    def set(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._put(SET, self._key(key, version), value, timeout)

    def add(self, key: str, value: object, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._put(ADD, self._key(key, version), value, timeout)

    def touch(self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._write(TOUCH, self._seconds(timeout), self._key(key, version))

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._write(DELETE, [self._key(key, version)])

    def delete_many(self, keys: list[str], version: int | None = None) -> None:
        self._write(DELETE, [self._key(key, version) for key in keys])

    def clear(self) -> None:
        self._write(CLEAR)

    def _key(self, key: str, version: int | None) -> str:
        return self.make_and_validate_key(key, version=version)

    def _seconds(self, timeout: float | None) -> float | None:
        """How long an entry is good; None for ever."""
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout

    def _put(self, statement: str, key: str, value: object, timeout: float | None) -> bool:
        return self._write(statement, key, signing.dumps(value, salt=key), self._seconds(timeout))

    def _write(self, statement: str, *values: object) -> bool:
        """Whether a row was written."""
        with connection.cursor() as cursor:
            cursor.execute(self._statement(statement), values)
            return bool(cursor.rowcount)

    def _statement(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(table=sql.Identifier(self._table))


def _values(key: str, text: str) -> list[object]:
    """The one value in this text, or none if the portal did not write it under this key."""
    try:
        return [signing.loads(text, salt=key)]
    except signing.BadSignature:
        return []
