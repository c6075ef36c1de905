"""What a request's body may say: strictly, and with everything wrong about it at once."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import IO

from django.core.exceptions import RequestDataTooBig
from rest_framework import serializers
from rest_framework.exceptions import APIException, ErrorDetail, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.settings import api_settings

from accounts.errors import BadRequest, Problem


class TooLarge(APIException):
    """413: a body of more than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes."""

    status_code = 413


class StrictJSONParser(BaseParser):
    """JSON whose objects name each field once, in UTF-8, of a bounded size.

    No subclass of `JSONParser`: the framework would read the body of one before it comes here, out of reach of 413.
    """

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: dict | None = None) -> object:
        try:
            text = parser_context["request"]._request.body.decode()
            data = json.loads(text, object_pairs_hook=_named_once, parse_constant=_refuse_constant)
            json.dumps(data, ensure_ascii=False).encode()  # half of a surrogate pair is no character
        except RequestDataTooBig as large:
            raise TooLarge from large
        except (ValueError, RecursionError) as error:
            raise ParseError(f"This is no JSON that can be read: {str(error)[:120]}.") from error
        return data


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("an object names a field twice")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


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


def parsed(serializer: serializers.BaseSerializer) -> object:
    """What a valid body says; BadRequest with all that is wrong, each with a pointer to it."""
    problems = [*_unknown(serializer, serializer.initial_data)]
    if not serializer.is_valid():
        problems += _told(serializer.errors)
    if problems:
        raise BadRequest(*problems, within="body")
    return serializer.validated_data


def _unknown(field: serializers.Field, data: object, pointer: str = "") -> Iterator[Problem]:
    """Fields that there are not, wherever they stand; they are never ignored."""
    if isinstance(field, serializers.ListSerializer) and isinstance(data, list):
        for number, item in enumerate(data):
            yield from _unknown(field.child, item, f"{pointer}{number}/")
    elif isinstance(field, serializers.Serializer) and isinstance(data, dict):
        for name, value in data.items():
            if name in field.fields:
                yield from _unknown(field.fields[name], value, f"{pointer}{name}/")
            else:
                nearest = next(iter(get_close_matches(name, field.fields, n=1)), "")
                sentence = f"There is no field “{name[:40]}” here."
                yield Problem(sentence, "unknown_field", pointer + _escaped(name), nearest)


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
    return key[:40].replace("~", "~0").replace("/", "~1")
