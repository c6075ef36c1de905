"""Identifiers of the trade: parse leniently, store canonically, explain a refusal with a likely cure.

Every `parse_…` takes any text and returns the canonical form, or raises InvalidIdentifier. Nothing is
corrected silently beyond case, separators, white space and what a copied value is wrapped in.
Sources: domain.md 4 and 8.1.
"""

import re
from typing import Literal

from inventory.characters import ascii_name, is_invisible, name_of, twin_of
from inventory.pasted import (
    PLACEHOLDERS,
    SHORTENED,
    device_id_in,
    is_power_of_ten,
    supply_number_end,
    unwrapped,
    with_plain_hyphens,
)

Fuel = Literal["E", "G"]

# The canonical forms, for PostgreSQL and for Python (by fullmatch: `$` there lets a final line break pass).
DEVICE_ID_PATTERN = r"^([0-9A-F]{2}-){7}[0-9A-F]{2}$"
MPAN_PATTERN = r"^[0-9]{13}$"
MPRN_PATTERN = r"^[0-9]{6,10}$"
MSN_PATTERN = r"^[0-9A-Z](?: ?(?:[./-] ?)*[0-9A-Z])*$"  # that of domain.md 8.1, less doubled spaces

MAP_ID_LENGTH: dict[Fuel, int] = {"E": 4, "G": 3}
MSN_LENGTH: dict[Fuel, int] = {"E": 10, "G": 14}
MPAN_WEIGHTS = (3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43)

_DEVICE_ID = "A Device ID has 16 hexadecimal digits (0 to 9, A to F), as in 00-DB-12-34-56-78-90-A0."
_PREFIX = "A search by Device ID takes 6 to 16 hexadecimal digits (0 to 9, A to F), from the start of the ID."
_MPAN = "An MPAN has 13 digits."
_MPRN = "An MPRN has 6 to 10 digits."
_MPXN = "An MPAN has 13 digits, an MPRN 6 to 10."
_MSN = "An MSN has letters, digits, spaces and . / - only, and begins and ends with a letter or digit."

_OTHER_FUEL = {
    ("G", 4): "Is this an electricity meter?",
    ("E", 3): "Is a character missing, or is this a gas meter?",
}

_SLIPS = str.maketrans("OILS", "0115")
_QUOTED = 24  # characters of the input that a message repeats at most


class InvalidIdentifier(ValueError):
    """Why an identifier is refused: str() is for the user, `code` (snake_case, stable) for programs.

    `suggestion` is a value that may have been meant, if one is likely.
    """

    def __init__(self, message: str, code: str = "invalid", suggestion: str = "") -> None:
        super().__init__(message)
        self.code, self.suggestion = code, suggestion


def parse_device_id(text: str) -> str:
    """The EUI-64 in `text`, as 00-DB-12-34-56-78-90-A0.

    Between octets can be `-`, `:`, `.`, `_`, a space or nothing; `0x` before them.
    """
    return _octets(text, _DEVICE_ID, least=16)


def parse_device_id_prefix(text: str) -> str:
    """The first 6 to 16 hexadecimal digits of a Device ID, dashed like one: 00-DB-12-3."""
    return _octets(text, _PREFIX, least=6)


def prefix_range(prefix: str) -> tuple[str, str]:
    """Bounds (from, below) in byte order of exactly the stored Device IDs that begin with `prefix`."""
    first = parse_device_id_prefix(prefix)
    return first, first[:-1] + chr(ord(first[-1]) + 1)


def parse_mpan(text: str) -> str:
    """The MPAN core in `text`: 13 digits, the last a check digit (which misses about 2 % of slips)."""
    digits = _digits(text, _MPAN)
    if 6 <= len(digits) <= 10:
        raise _wrong_fuel(digits, f"That may be an MPRN. {_MPAN} Is this a gas meter?")
    if len(digits) != 13:
        raise _wrong_count(digits, len(digits), _MPAN, 13)
    if int(digits[12]) != mpan_check_digit(digits[:12]):
        raise _wrong_check_digit(digits)
    return digits


def parse_mprn(text: str) -> str:
    """The MPRN in `text`: 6 to 10 digits with leading zeros kept; its check digits are not enforced."""
    digits = _digits(text, _MPRN)
    if len(digits) == 13:
        raise _wrong_fuel(digits, f"That is an MPAN. {_MPRN} Is this an electricity meter?")
    if not 6 <= len(digits) <= 10:
        raise _wrong_count(digits, len(digits), _MPRN, 10)
    return digits


def parse_mpxn(text: str) -> str:
    """The MPAN (13 digits) or MPRN (6 to 10) in `text`, for a search that does not know the fuel."""
    digits = _digits(text, _MPXN)
    if 6 <= len(digits) <= 10:
        return digits
    if len(digits) != 13:
        raise _wrong_count(digits, len(digits), _MPXN, 13)
    return parse_mpan(digits)


def mpan_check_digit(first_twelve: str) -> int:
    """Sum of digits times primes, modulo 11, modulo 10 (domain.md 4.2)."""
    if not re.fullmatch("[0-9]{12}", first_twelve):
        message = f"The check digit is worked out from 12 digits; {_quote(first_twelve)} is something else."
        raise InvalidIdentifier(message, "wrong_length")
    products = (int(digit) * weight for digit, weight in zip(first_twelve, MPAN_WEIGHTS, strict=True))
    return sum(products) % 11 % 10


def parse_msn(text: str, *, fuel: Fuel | None = None) -> str:
    """The MSN in `text`, upper case, single spaces inside: at most 10 (E) or 14 (G) characters.

    Without `fuel`, as in a search, at most 14 and spaces do not count, since matching ignores them.
    """
    _refuse_placeholder(text)
    msn = re.sub(" +", " ", _plain(text, _MSN, "[^0-9A-Z ./-]|^[./-]|[./-]$"))
    length = len(msn) if fuel else len(msn_key(msn))
    if length > MSN_LENGTH[fuel or "G"]:
        raise _msn_too_long(msn, fuel, length)
    return msn


def msn_key(msn: str) -> str:
    """What a canonical MSN is matched by: the same without spaces."""
    return msn.replace(" ", "")


def parse_map_id(text: str, *, fuel: Fuel) -> str:
    """The MAP ID in `text`, upper case: 4 letters or digits for electricity, 3 for gas (SECMP0011)."""
    return parse_participant_code(text, fuel=fuel, role="map")


def parse_participant_code(text: str, *, fuel: Fuel, role: Literal["map", "supplier"]) -> str:
    """The code of a MAP or supplier, upper case; both have the lengths of MAP_ID_LENGTH."""
    noun = f"{'A gas' if fuel == 'G' else 'An electricity'} {'MAP' if role == 'map' else 'supplier'} ID"
    rule = f"{noun} has {MAP_ID_LENGTH[fuel]} characters"
    code = _plain(text, f"{rule}, letters and digits only.", "[^0-9A-Z]")
    if len(code) != MAP_ID_LENGTH[fuel]:
        cure = _OTHER_FUEL.get((fuel, len(code)))
        message = f"{rule}; {_quote(code)} has {len(code):,}. {cure or 'Compare it with the list of codes.'}"
        raise InvalidIdentifier(message, "wrong_fuel" if cure else "wrong_length")
    return code


def _octets(text: str, rule: str, least: int) -> str:
    """The `least` to 16 hexadecimal digits of `text` in dashed pairs."""
    _refuse_placeholder(text)
    try:
        plain = _plain(re.sub(r"^(\W*)0[xX]", r"\1", text), rule, "[^0-9A-F:._ -]")
    except InvalidIdentifier as error:
        raise _with_id_inside(text, error) from error
    plain = re.sub("[._ ]+", "-", plain)
    digits = re.sub("[-:]", "", plain)
    if not least <= len(digits) <= 16:
        raise _wrong_count(plain, len(digits), rule, 16)
    canonical = "-".join(re.findall("..?", digits))
    if not re.fullmatch("(?:[0-9A-F]{2}[-:]?){0,7}[0-9A-F]{0,2}", plain):
        cure = f"One dash or colon may stand between two pairs of digits. Did you mean {canonical}?"
        raise InvalidIdentifier(f"{_quote(plain)} is not divided into pairs. {cure}", "bad_separator", canonical)
    return canonical


def _with_id_inside(text: str, error: InvalidIdentifier) -> InvalidIdentifier:
    """`error`, or the suggestion of the only Device ID that stands in `text`."""
    inside = device_id_in(text)
    if error.suggestion or error.code == "invisible" or not inside:
        return error
    return InvalidIdentifier(f"Enter the Device ID alone. Did you mean {inside}?", "surrounded", inside)


def _digits(text: str, rule: str) -> str:
    """The decimal digits of `text`; spaces and dashes between them are dropped."""
    _refuse_placeholder(text)
    if is_power_of_ten(text):
        raise InvalidIdentifier(f"{_quote(text.strip())} is not a whole number. {rule} {SHORTENED}", "shortened")
    if decimal := re.fullmatch(r"\s*([0-9]+)\.0*\s*", text):
        message = f"{_quote(text.strip())} is a decimal number. {rule} Did you mean {decimal[1]}?"
        raise InvalidIdentifier(message, "bad_characters", decimal[1])
    if core := _core(text):
        message = f"This is a full supply number. {rule} Did you mean its core, {core}?"
        raise InvalidIdentifier(message, "supply_number", core)
    return re.sub("[ -]", "", _plain(text, rule, "[^0-9 -]|^-|-$"))


def _core(text: str) -> str:
    """The MPAN core at the end of a full supply number, or nothing."""
    end = supply_number_end(text)
    return end if end and int(end[12]) == mpan_check_digit(end[:12]) else ""


def _plain(text: str, rule: str, forbidden: str) -> str:
    """`text` trimmed and in upper case, plain ASCII without anything that matches `forbidden`."""
    trimmed = with_plain_hyphens(unwrapped(text))
    if not trimmed:
        raise InvalidIdentifier(f"Nothing was given. {rule}", "empty")
    if odd := re.search("[^ -~]", trimmed):
        raise _odd_character(trimmed, odd.start(), rule)
    plain = trimmed.upper()
    if bad := re.search(forbidden, plain):
        raise _bad_character(bad, rule)
    return plain


def _refuse_placeholder(text: str) -> None:
    """Refuse what stands for a missing value. Codes are not asked: a MAP may well be called NIL or TBC."""
    if (bare := unwrapped(text)).upper() in PLACEHOLDERS:
        raise InvalidIdentifier(f"{_quote(bare)} stands for a missing value. Leave it empty instead.", "placeholder")


def _odd_character(text: str, at: int, rule: str) -> InvalidIdentifier:
    """For anything outside printable ASCII: a mark nobody sees, a look-alike, or another symbol."""
    char, where = text[at], f"In {_quote(text)}, character {at + 1}"
    if is_invisible(char):
        cure = "which cannot be seen by itself; type the whole value again instead of pasting it."
        return InvalidIdentifier(f"{where} is {name_of(char)}, {cure} {rule}", "invisible")
    twin = twin_of(char)
    code = "look_alike" if twin or char.isalnum() else "bad_characters"
    instead = f", not {ascii_name(twin)}" if twin else ""
    return InvalidIdentifier(f"{where} is {name_of(char)}{instead}; type it again. {rule}", code)


def _bad_character(bad: re.Match[str], rule: str) -> InvalidIdentifier:
    """For an ASCII character out of place; a letter often typed for a digit is named with that digit."""
    digit, suggestion = bad[0].translate(_SLIPS), bad.string.translate(_SLIPS)
    cure = f" Is {ascii_name(digit)} meant?" if digit != bad[0] else ""
    likely = suggestion if cure and len(suggestion) <= _QUOTED and not bad.re.search(suggestion) else ""
    cure += f" Did you mean {likely}?" if likely else ""
    where = f"In {_quote(bad.string)}, character {bad.start() + 1}"
    message = f"{where} is {ascii_name(bad[0])}. {rule}{cure}"
    return InvalidIdentifier(message, "bad_characters", likely)


def _wrong_fuel(digits: str, cure: str) -> InvalidIdentifier:
    return InvalidIdentifier(f"{_has(digits, len(digits), 'digit')}. {cure}", "wrong_fuel")


def _wrong_count(given: str, count: int, rule: str, most: int) -> InvalidIdentifier:
    """For too few or too many digits; `count` of them are in `given`, `most` are allowed."""
    near = {most - 1: "Is a digit missing?", most + 1: "Has a digit been typed twice?"}
    far = "Are digits missing?" if count < most else "Has more than one number been given?"
    return InvalidIdentifier(f"{_has(given, count, 'digit')}. {rule} {near.get(count, far)}", "wrong_length")


def _wrong_check_digit(mpan: str) -> InvalidIdentifier:
    """Says what the check can tell; it does not offer a digit that would only make the check pass."""
    what = f"the last digit, {mpan[12]}, is a check digit and does not fit the twelve before it."
    cure = "Usually one digit is mistyped or two neighbours are swapped, anywhere in the number."
    limit = "Compare all 13 with their source; the check finds most slips, not all."
    return InvalidIdentifier(f"In {mpan}: {what} {cure} {limit}", "check_digit")


def _msn_too_long(msn: str, fuel: Fuel | None, length: int) -> InvalidIdentifier:
    """Says the limit and, where one fits, a shorter value that may have been meant."""
    limit = MSN_LENGTH[fuel or "G"]
    where = {"E": "on an ESME the MSN has", "G": "on a GSME the MSN has", None: "an MSN has"}[fuel]
    spaces = f" Spaces {'count' if fuel else 'do not count'}." if " " in msn else ""
    what = f"{_has(msn, length, 'character')}; {where} at most {limit}.{spaces}"
    return InvalidIdentifier(f"{what} {_msn_cure(msn, fuel, length - limit)}", "wrong_length")


def _msn_cure(msn: str, fuel: Fuel | None, excess: int) -> str:
    """What may have gone wrong with an MSN that is `excess` characters too long."""
    twice = [at for at in range(1, len(msn)) if msn[at] == msn[at - 1]]
    if twice and excess == 1:
        kind = "digit" if msn[twice[-1]].isdigit() else "character"
        return f"Has a {kind} been typed twice? Did you mean {msn[: twice[-1]]}{msn[twice[-1] + 1 :]}?"
    if msn.count(" ") >= excess and fuel:
        return f"Did you mean {msn_key(msn)}, without spaces?"
    if fuel == "E" and len(msn) <= MSN_LENGTH["G"]:
        return "Is this a gas meter?"
    return "Has more than one number been given?"


def _has(given: str, count: int, noun: str) -> str:
    return f"{_quote(given)} has {count:,} {noun}{'' if count == 1 else 's'}"


def _quote(text: str) -> str:
    """The start of `text` as a message may repeat it: short, and with nothing hidden in it."""
    shown = "".join("\ufffd" if is_invisible(char) else char for char in text[:_QUOTED])
    return shown if len(text) <= _QUOTED else f"{shown[:-1]}…"
