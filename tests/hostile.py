"""Odd requests, made from the URL table, the forms of the pages and the description of the API, from one fixed seed."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from django import forms
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.acting import FIELD
from accounts.files.paging import PAGING
from inventory.api.description import described
from inventory.devices.filters import DeviceFilter
from inventory.forms.past import PastForm
from smi_portal.oversight.search import AuditSearch

# Texts, as the bytes that an address or a form carries them in.
TEXTS = [
    b"", b" ", b"\0", b"a\0b", b"\x01", b"\x1b[2J", b"\x7f", b"\r\nX: y", b"\t", b"\xff", b"\xc0\x80", b"\xed\xa0\x80",
    "\u202e".encode(), "\u2028".encode(), "💩".encode(), "é".encode(), "Ⅷ".encode(), "٣".encode(), b"'", b'"><svg>',
    b"{{7*7}}", b"%00", b"%s", b"..", b"../../etc/passwd", b"\\", b"//evil.example", b"[]", b"{}", b"null", b"true",
    b"a" * 3000, b"9" * 400, b"9" * 5000,
]  # fmt: skip
NUMBERS = [
    b"0", b"1", b"-1", b"01", b"1.5", b"1e999", b"NaN", b"Infinity", b"-Infinity", b"2147483647", b"2147483648",
    b"9223372036854775807", b"9223372036854775808", b"1_000", b"0x10",
]  # fmt: skip
DATES = [
    b"0000-01-01", b"0001-01-01", b"01/01/0001", b"1/1/1", b"1883-11-18", b"1899-12-31", b"1900-01-01", b"1970-01-01",
    b"2199-12-31", b"2200-01-01", b"9999-12-30", b"9999-12-31", b"31/12/9999", b"10000-01-01", b"2026-02-30",
    b"2026-03-29", b"2026-10-25", b"2026-11-27T00:00", b"2026-W01-1", b"20261127", b"infinity", b"-infinity", b"today",
]  # fmt: skip
PLAIN = [
    b"1", b"2", b"editor", b"approved", b"correction", b"change", b"ZMAP", b"ZEPH", b"23/11/2026", b"2026-11-23",
    b"00-DB-12", b"00-DB-12-34-56-78-90-A0", b"9910000001006", b"ESME", b"Commissioned", b"csv", b"nadia@demo.example",
    b"on", b"E",
]  # fmt: skip
VALUES = [TEXTS, NUMBERS, DATES, PLAIN]
HEADERS = {
    "Accept": ["a/b/c", "text/csv;q=abc", ",", '*/*;version="x', "\xff", "text/csv", "*/*;" * 200],
    "Accept-Language": ["x" * 3000, "\xff", "*;q=9"],
    "Accept-Encoding": ["gzip;q=x", "gzip, " * 500, "\xff"],
    "If-Match": ['"', '"1"', 'W/"1"', '"' + "9" * 400 + '"', '"٣"', "*", ",", '"1" "2"', "W/" * 2000, '"\x00"'],
    "If-None-Match": ['"', "*", "W/" * 2000, "\xff"],
    "If-Modified-Since": ["x", "Thu, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 400],
    "Idempotency-Key": ["", "a", "a" * 255, "a" * 256, "\xff", "a b", "\x00"],
    "X-Request-ID": ["", "a" * 36, "a" * 37, "a" * 9000, "\xff", "a\x00bcdefgh", "٣" * 8],
    "Authorization": ["Bearer", "Bearer smi_" + "a" * 51, "\xff", "Basic !!!", "Bearer \x00", "Bearer " + "a" * 8000],
    "Range": ["bytes=0-0", "bytes=-1", "bytes=9-1", "bytes=" + "0-0," * 900, "\xff"],
    "Referer": ["http://[::1", "x" * 4000, "\xff", "http://127.0.0.1:99999/"],
    "User-Agent": ["\xff" * 300, "a\x00b", "x" * 4000, ""],
    "X-Forwarded-For": ["", "'", ",", "1.2.3.4", "x, y", "::1%eth0, [::1]:80", "999.1.1.1, 1", "\x00", "1," * 999],
    "X-Forwarded-Proto": ["https", "x"],
    "X-Forwarded-Host": ["evil.example"],
    "Host": ["evil.example", "127.0.0.1:99999", "[::1", "a" * 300, "\xff", ""],
    "Origin": ["null", "http://[", "\xff"],
    "X-CSRFToken": ["x", "a" * 64, "\x00", "\xff"],
    "HX-Request": ["true"],
    "Content-Encoding": ["gzip"],
}
COOKIES = [
    'sessionid="abcdefgh\\000"', "sessionid=" + "a" * 8000, "sessionid=\x01", "sessionid=aaaaaaaa\x00",
    'csrftoken="\\000"',
    "csrftoken=x; messages=y; known_browser=z", "=;;=", "known_browser=" + "a" * 9000, "\xff=\xff",
]  # fmt: skip
CONTENT_TYPES = [
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x",
    "text/plain", "", "application/json; charset=utf-16", "x" * 3000, "application/json;;;=", "text/html; charset=hex",
    "application/x-www-form-urlencoded; charset=utf-7", "application/json; charset=undefined", "\xff",
    "application/json; charset=unicode_escape", "multipart/form-data; boundary=\xff; charset=rot13",
]  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "X" * 200]
BODIES = [
    b"", b"null", b"[]", b'"x"', b"1", b"{} {}", b"{/**/}", b"\xef\xbb\xbf{}", b"\xff", "{}".encode("utf-16"),
    b"[" * 100_000, b'{"a":' * 50_000, b'{"msn":' + b"[" * 900 + b"]" * 900 + b"}", b'{"version":' + b"9" * 5000 + b"}",
    b'{"version":1e999}', b'{"msn":NaN}', b'{"msn":"\\ud800"}', b'{"\\ud800":1}', b'{"msn":"a\\u0000b"}',
    b'{"\\u0000":1}', b'{"msn":"1","msn":"2"}', b'{"' + b"a" * 900_000 + b'":1}', b'{"devices":[{}]}',
    json.dumps({f"k{number}": 1 for number in range(45_000)}).encode(), b"&" * 500, b"a=1&" * 500,
    b'--x\r\nContent-Disposition: form-data; name="acting"\r\n\r\n\0\r\n--x--',
    b'--x\r\nContent-Disposition: form-data; name="a"; filename="\0"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--x--",
]  # fmt: skip
OWN = b"THEIR-OWN"  # stands for the membership of whoever sends it
ODD = [
    None,
    True,
    False,
    [],
    {},
    "",
    "\0",
    "a\0",
    "\u202e",
    0,
    -1,
    1.5,
    10**400,
    2**31,
    2**63,
    "9" * 400,
    ["x"],
    {"x": 1},
]


@dataclass(frozen=True)
class Asked:
    """One request, in the form of Django's test client; `who` sends it."""

    who: str
    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/x-www-form-urlencoded"
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = (self.who, self.method, self.path[:300], self.content_type[:60], self.body[:200], self.headers)
        return " ".join(str(part)[:400] for part in parts)


def routes(resolver: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """Every address of the portal, as its pattern."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern).removeprefix("^").removesuffix("$")
        else:
            yield from routes(pattern, before + str(pattern.pattern))


def fields_of_forms(kind: type[forms.BaseForm] = forms.BaseForm) -> Iterator[str]:
    """The names of all fields of all forms, those of libraries included."""
    for inner in kind.__subclasses__():
        yield from getattr(inner, "base_fields", ())
        yield from fields_of_forms(inner)


class Requests:
    """Requests of `whose`, without end; `known` are texts for parts of addresses, so that some of them are found."""

    PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")

    def __init__(self, seed: int, whose: list[str], known: dict[str, list[str]]) -> None:
        self.random, self.whose = Random(seed), whose
        self.known = {name: [text.encode() for text in texts] for name, texts in known.items()}
        self.routes = [*sorted(set(routes())), "/static/<x>", "/<x>", "/<x>/"]
        self.fields = sorted(set(fields_of_forms()) | {FIELD, "next", "credential"})
        asked = {*DeviceFilter.base_filters, *PastForm.base_fields, *AuditSearch.base_fields, *PAGING, FIELD, "next"}
        self.parameters = sorted({*asked, "name", "email", "format", "code", "state", "error", "x"})
        operations = [(path, method, told) for path, of in described()["paths"].items() for method, told in of.items()]
        self.operations = [one for one in operations for _ in range(5 if "requestBody" in one[2] else 1)]

    def __iter__(self) -> Iterator[Asked]:
        while True:
            yield self._of_api() if self.random.random() < 0.35 else self._of_page()

    def _of_page(self) -> Asked:
        path = self._path(self.random.choice(self.routes)) + self._query(self.parameters)
        method = self._mostly("GET", "POST", METHODS)
        if method in ("GET", "HEAD"):
            return self._asked(method, path)
        pairs = [(name, self._value()) for name in self.random.sample(self.fields, self.random.randint(0, 12))]
        pairs += [(FIELD, OWN)] if self.random.random() < 0.7 else []
        form = b"&".join(name.encode() + b"=" + quote_from_bytes(value, "").encode() for name, value in pairs)
        if self.random.random() < 0.15:
            return self._asked(method, path, self.random.choice(BODIES), self.random.choice(CONTENT_TYPES))
        return self._asked(method, path, form, "application/x-www-form-urlencoded")

    def _of_api(self) -> Asked:
        path, method, operation = self.random.choice(self.operations)
        names = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
        path = self._path(re.sub(r"\{(\w+)\}", r"<\1>", path)) + self._query(names or ["x"])
        method = self._mostly(method.upper(), method.upper(), METHODS)
        headers = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"}
        given = {name: self.random.choice([*HEADERS[name], '"1"']) for name in sorted(headers & HEADERS.keys())}
        if "requestBody" not in operation or self.random.random() < 0.3:
            body = self.random.choice(BODIES) if method not in ("GET", "HEAD") else b""
            return self._asked(method, path, body, self._mostly("application/json", "", CONTENT_TYPES), given)
        ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        body = json.dumps(self._object(ref.rpartition("/")[2]), ensure_ascii=self.random.random() < 0.9)
        return self._asked(method, path, body.encode(), "application/json", given)

    def _object(self, schema: str) -> dict[str, Any]:
        properties = described()["components"]["schemas"][schema]["properties"]
        names = self.random.sample(sorted(properties), self.random.randint(0, len(properties)))
        given = {name: self._json(properties[name]) for name in names}
        return given | ({self._value().decode("latin-1"): 1} if self.random.random() < 0.1 else {})

    def _json(self, about: dict[str, Any]) -> object:
        if self.random.random() < 0.3:
            return self.random.choice(ODD)
        if about.get("type") == "array":
            return [self._object("BatchEntry") for _ in range(self.random.randint(0, 4))]
        if about.get("type") == "integer":
            return self.random.choice([1, 2])
        if about.get("type") == "boolean":
            return True
        return self._value().decode("latin-1")

    def _asked(self, method: str, path: str, body: bytes = b"", kind: str = "", headers: dict | None = None) -> Asked:
        given = dict(headers or {})
        if self.random.random() < 0.25:
            name = self.random.choice(sorted(HEADERS))
            given[name] = self.random.choice(HEADERS[name])
        if self.random.random() < 0.05:
            given["Cookie"] = self.random.choice(COOKIES)
        return Asked(self.random.choice(self.whose), method, path, body, kind, given)

    def _path(self, route: str) -> str:
        return self.PLACE.sub(lambda place: self._in_path(place[1] or place[2]), route)

    def _in_path(self, name: str) -> str:
        values = self.known.get(name, [b"x"]) if self.random.random() < 0.6 else [self._value()]
        return quote_from_bytes(self.random.choice(values), "")

    def _query(self, names: list[str]) -> str:
        chosen = self.random.choices(names, k=self.random.choice([0, 0, 1, 1, 1, 2, 3]))
        if self.random.random() < 0.01:
            chosen = names * 300
        pairs = [f"{name}={quote_from_bytes(self._value(), '')}" for name in chosen]
        return ("?" + "&".join(pairs)) if pairs else ""

    def _value(self) -> bytes:
        return self.random.choice(self.random.choice([*VALUES, *self.known.values()]))

    def _mostly(self, first: str, second: str, others: list[str]) -> str:
        return self.random.choices([first, second, self.random.choice(others)], [45, 45, 10])[0]
