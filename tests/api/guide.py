"""The examples of the guide: its fenced blocks read as requests and answers, and compared with what really comes.

`…` stands for what is left out: in a text for any characters, in place of a value for any value, in an object for
further fields, at the end of a list for further entries. In a request it stands for what an answer before has given:
its address is the last one seen that fits, an ETag likewise.
"""

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOST = "https://portal.example"
TOKENS = {"@supplier.txt": "Bearer $SUPPLIER", "@map.txt": "Bearer $MAP"}  # what a file of curl’s holds
DOTS = "…"


@dataclass
class Asked:
    method: str
    address: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Told:
    status: int
    headers: dict[str, str]
    body: str


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of each fenced block."""
    for found in FENCE.finditer(text):
        yield found[1], found[2]


def parsed(language: str, block: str) -> Asked | Told:
    """What a block of `http` or `curl` says."""
    if language == "curl":
        return _of_curl(block)
    head, _, body = block.strip("\n").partition("\n\n")
    first, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    if first.startswith("HTTP/1.1 "):
        return Told(int(first.split()[1]), headers, body)
    method, address = first.split(" ", 1)
    return Asked(method, address, headers, body)


def _of_curl(block: str) -> Asked:
    parser = argparse.ArgumentParser(prog="curl", exit_on_error=False)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--output")
    parser.add_argument("--dump-header")
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("url")
    command, *words = shlex.split(block.replace("\\\n", " "))
    assert command == "curl"
    given = parser.parse_args(words)
    (token,) = given.header  # in a file: it does not belong into the command line
    assert given.url.startswith(HOST)
    return Asked("GET", given.url.removeprefix(HOST), {"Authorization": TOKENS[token]})


def as_pattern(shown: str) -> re.Pattern[str]:
    """A text in which `…` stands for any characters."""
    return re.compile("".join(".*" if part == DOTS else re.escape(part) for part in re.split(f"({DOTS})", shown)), re.S)


def json_of(shown: str) -> object:
    """The JSON of an example; `…` outside of a text becomes a value, or a field of that name."""
    inside, out = [], []
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|…|[{}\[\]]|[^"…{}\[\]]+', shown):
        if token in "{[":
            inside.append(token)
        elif token in "}]":
            inside.pop()
        if token == DOTS:
            is_value = inside[-1] == "[" or out[-1].rstrip().endswith(":")
            token = f'"{DOTS}"' if is_value else f'"{DOTS}": 0'
        out.append(token)
    return json.loads("".join(out))


def difference(shown: object, given: object, where: str = "") -> str:
    """Where what is given is not what is shown; empty when it is."""
    if shown == DOTS:
        return ""
    if isinstance(shown, dict) and isinstance(given, dict):
        return _of_objects(shown, given, where)
    if isinstance(shown, list) and isinstance(given, list):
        return _of_lists(shown, given, where)
    if isinstance(shown, str) and isinstance(given, str) and as_pattern(shown).fullmatch(given):
        return ""
    return "" if type(shown) is type(given) and shown == given else f"{where}: shown {shown!r}, given {given!r}"


def _of_objects(shown: dict, given: dict, where: str) -> str:
    wanted = shown.keys() - {DOTS}
    if wanted - given.keys() or (DOTS not in shown and given.keys() - wanted):
        return f"{where}: fields shown {sorted(wanted)}, given {sorted(given)}"
    differences = (difference(shown[name], given[name], f"{where}/{name}") for name in wanted)
    return next(filter(None, differences), "")


def _of_lists(shown: list, given: list, where: str) -> str:
    """`…` in a list may only stand at its end."""
    more = DOTS in shown
    wanted = shown[:-1] if more else shown
    if len(given) < len(wanted) or (not more and len(given) > len(wanted)):
        return f"{where}: {len(wanted)} entries shown, given {given!r}"
    differences = (difference(a, b, f"{where}/{n}") for n, (a, b) in enumerate(zip(wanted, given, strict=False)))
    return next(filter(None, differences), "")
