"""What single characters are called, for the sentence about one that does not belong in an identifier."""

import re
import unicodedata

_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols drawn as nothing
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Mc", "Me"}  # Unicode categories
_KNOWN_MARKS = {"\t": "tab", "\n": "line break", "\r": "line break", "\ufeff": "byte order mark"}
_TWINS = str.maketrans("АВЕКМНОРСТУХІЈЅаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTYXIJSaeopcyxijsABEZHIKMNOPTYXo")


def is_invisible(char: str) -> bool:
    """Controls, format and bidi marks, joining accents, unassigned code points, letters drawn as nothing."""
    return unicodedata.category(char) in _INVISIBLE or char in _BLANK_LETTERS


def twin_of(char: str) -> str:
    """The ASCII letter, digit or hyphen that `char` is easily taken for; empty if there is none."""
    if unicodedata.category(char) == "Pd" or char == "\u2212":
        return "-"
    plain = unicodedata.normalize("NFKD", char.translate(_TWINS)) + str(unicodedata.digit(char, ""))
    found = set(re.findall("[0-9A-Z]", plain.upper()))
    return found.pop() if len(found) == 1 else ""


def name_of(char: str) -> str:
    """What to call a character outside ASCII, with its code point: "a Cyrillic А (U+0410)"."""
    control = "control character" if unicodedata.category(char) == "Cc" else "character without a name"
    name = _KNOWN_MARKS.get(char) or unicodedata.name(char, control).lower()
    if (char.isalpha() or char.isdigit()) and char not in _BLANK_LETTERS:
        name = f"{name.split()[0].title()} {char}"
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name} (U+{ord(char):04X})"


def ascii_name(char: str) -> str:
    if char.isalnum():
        return f"the {'digit' if char.isdigit() else 'letter'} {char}"
    return {" ": "a space", "-": "a hyphen"}.get(char, f"‘{char}’")
