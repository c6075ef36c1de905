"""What a request's body may say: strictly, and with everything wrong about it at once."""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from difflib import get_close_matches
from typing import IO

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.settings import api_settings

from accounts.dates import NO_DATE, NotADate, parse_date
from accounts.errors import MOST_TOLD, QUOTED, Problem


class StrictJSONParser(JSONParser):
    """JSON whose objects name each field once, in UTF-8; Django bounds its size."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: dict | None = None) -> object:
        try:
            data = json.loads(stream.read().decode(), object_pairs_hook=_named_once, parse_constant=_refuse_constant)
            json.dumps(data, ensure_ascii=False).encode()  # half of a surrogate pair is no character
        except (ValueError, RecursionError) as error:
            raise ParseError(f"This is not JSON that can be read: {str(error)[:120]}.") from error
        return data


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("an object names a field twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class Exactly:
    """Takes a value of its own type alone: a number is no text, and "true" no boolean."""

    kind: type

    def to_internal_value(self, data: object) -> object:
        if type(data) is not self.kind:
            self.fail("invalid")
        return super().to_internal_value(data)


class Text(Exactly, serializers.CharField):
    kind = str


class Number(Exactly, serializers.IntegerField):
    kind = int


class YesOrNo(Exactly, serializers.BooleanField):
    kind = bool


class Day(serializers.DateField):
    """A date as `accounts.dates` reads it."""

    default_error_messages = {"invalid": NO_DATE}

    def to_internal_value(self, data: object) -> date:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return parse_date(data)
        except NotADate as error:
            raise serializers.ValidationError(str(error), "invalid") from error


def problems_of(serializer: serializers.BaseSerializer) -> list[Problem]:
    """All that is wrong with the form of a body; the item of each is a pointer to it."""
    unknown = enumerate(_unknown(serializer, serializer.initial_data))
    problems = [_unknown_field(*found, with_nearest=number < MOST_TOLD) for number, found in unknown]
    return problems if serializer.is_valid() else [*problems, *_told(serializer.errors)]


def readable(serializer: serializers.Serializer, data: object, problems: Iterable[Problem]) -> dict[str, object]:
    """What an object says, but for the fields that have problems."""
    given, wrong = data if isinstance(data, dict) else {}, {problem.item for problem in problems}
    return {
        name: field.run_validation(given[name])
        for name, field in serializer.fields.items()
        if name in given and name not in wrong
    }


def _unknown(
    field: serializers.Field, data: object, pointer: str = ""
) -> Iterator[tuple[str, str, serializers.Serializer]]:
    """Fields that do not exist, with pointer and parent, wherever they stand; they are never ignored."""
    if isinstance(field, serializers.ListSerializer) and isinstance(data, list):
        for number, item in enumerate(data):
            yield from _unknown(field.child, item, f"{pointer}{number}/")
    elif isinstance(field, serializers.Serializer) and isinstance(data, dict):
        for name, value in data.items():
            if name in field.fields:
                yield from _unknown(field.fields[name], value, f"{pointer}{name}/")
            else:
                yield name, pointer + _escaped(name), field


def _unknown_field(name: str, pointer: str, within: serializers.Serializer, *, with_nearest: bool) -> Problem:
    """Return the problem; the nearest name is looked for only where it will be told, as that takes its time."""
    nearest = get_close_matches(name[:QUOTED], within.fields, n=1) if with_nearest else []
    return Problem(f"There is no field “{name[:QUOTED]}” here.", "unknown_field", pointer, "".join(nearest))


def _told(detail: object, pointer: str = "") -> Iterator[Problem]:
    """The nested errors of a serializer."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            whole = key == api_settings.NON_FIELD_ERRORS_KEY
            yield from _told(inner, pointer if whole else f"{pointer}/{_escaped(str(key))}")
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            yield from _told(inner, pointer if isinstance(inner, ErrorDetail) else f"{pointer}/{number}")
    else:
        yield Problem(str(detail), detail.code, pointer.removeprefix("/"))


def _escaped(key: str) -> str:
    """As a JSON pointer (RFC 6901) has it."""
    return key[:QUOTED].replace("~", "~0").replace("/", "~1")
