"""What identifiers are wrapped in or replaced by when people copy them: recognised here, judged in `identifiers`."""

import re

# What people and spreadsheets put where they have no value, in upper case.
PLACEHOLDERS = (
    "#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "-", "--", "N.A.", "N/A", "NA", "NAN", "NIL",
    "NONE", "NOT KNOWN", "NULL", "TBA", "TBC", "TBD", "UNKNOWN", "?",
)  # fmt: skip
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
SHORTENED = "A spreadsheet seems to have shortened it: format its column as text, then enter it again."
_AROUND = SPACES + "\t\r\n" + "=\"'`“”‘’„«»{}[]()<>"
_LABEL = re.compile(r"(?:DEVICE ?ID|GUID|EUI-?64|MP[XAR]N|MSN|SERIAL(?: ?NO| NUMBER)?)[ .]*[:=#] *", re.IGNORECASE)
_HYPHENS = "[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"
_POWER_OF_TEN = re.compile(r"[0-9]+([.,][0-9]+)?[Ee][+]?[0-9]+")
_DEVICE_ID = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[-:]){7}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])|\b[0-9A-Fa-f]{16}\b")
_LONGEST = 1_000  # characters of a text that are looked through


def unwrapped(text: str) -> str:
    """`text` without a label, quotation marks and brackets around it; all its spaces are plain ones."""
    inside = _LABEL.sub("", text.strip(_AROUND), count=1).strip(_AROUND + ",;")
    return re.sub(f"[{SPACES}]", " ", inside)


def with_plain_hyphens(text: str) -> str:
    """`text` with a hyphen for each dash that word processors put in its place."""
    return re.sub(_HYPHENS, "-", text)


def is_power_of_ten(text: str) -> bool:
    """Whether `text` is a number such as `9.91E+12`, or hexadecimal digits that look like one."""
    return bool(_POWER_OF_TEN.fullmatch(text.strip()))


def is_shortened(text: str) -> bool:
    """Whether a spreadsheet has written a long number as `9.91E+12`; hexadecimal digits such as 010E0203 are not."""
    return is_power_of_ten(text) and any(mark in text for mark in "+.,")


def device_id_in(text: str) -> str:
    """The only Device ID among other text, dashed; empty if there is none or more than one."""
    found = {re.sub("[-:]", "", one).upper() for one in _DEVICE_ID.findall(text[:_LONGEST])}
    return "-".join(re.findall("..", found.pop())) if len(found) == 1 else ""


def supply_number_end(text: str) -> str:
    """The last 13 digits of what has the form of a full supply number, or nothing.

    Before them stand the profile class (2 digits), the meter time switch code (3) and the line loss factor class (3).
    """
    found = re.fullmatch("S?[0-9]{5}[0-9A-Z]{3}([0-9]{13})", re.sub("[^0-9A-Z]", "", text.upper()))
    return found[1] if found else ""
