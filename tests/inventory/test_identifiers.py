import pickle
import re
import string
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from inventory.identifiers import (
    DEVICE_ID_PATTERN,
    MAP_ID_LENGTH,
    MPAN_PATTERN,
    MPRN_PATTERN,
    MSN_LENGTH,
    MSN_PATTERN,
    InvalidIdentifier,
    mpan_check_digit,
    msn_key,
    parse_device_id,
    parse_device_id_prefix,
    parse_map_id,
    parse_mpan,
    parse_mprn,
    parse_mpxn,
    parse_msn,
    parse_participant_code,
    prefix_range,
)
from inventory.pasted import SPACES

DEVICE_ID = "00-DB-12-34-56-78-90-A0"
MPANS = ["9910000001006", "9910000002000", "9910000003003", "9910000004007", "9700200000071"]
ALPHANUMERIC = string.digits + string.ascii_uppercase


def parse_electricity_msn(text):
    return parse_msn(text, fuel="E")


def parse_gas_msn(text):
    return parse_msn(text, fuel="G")


def parse_electricity_map_id(text):
    return parse_map_id(text, fuel="E")


def parse_gas_map_id(text):
    return parse_map_id(text, fuel="G")


FORMS = {
    parse_device_id: DEVICE_ID_PATTERN,
    parse_device_id_prefix: r"(?=.{8})([0-9A-F]{2}-){0,7}[0-9A-F]{1,2}",
    parse_mpan: MPAN_PATTERN,
    parse_mprn: MPRN_PATTERN,
    parse_mpxn: f"{MPAN_PATTERN}|{MPRN_PATTERN}",
    parse_msn: MSN_PATTERN,
    parse_electricity_msn: rf"(?=.{{1,{MSN_LENGTH['E']}}}$){MSN_PATTERN}",
    parse_gas_msn: rf"(?=.{{1,{MSN_LENGTH['G']}}}$){MSN_PATTERN}",
    parse_electricity_map_id: rf"[0-9A-Z]{{{MAP_ID_LENGTH['E']}}}",
    parse_gas_map_id: rf"[0-9A-Z]{{{MAP_ID_LENGTH['G']}}}",
}
EXAMPLES = {
    parse_device_id: DEVICE_ID,
    parse_device_id_prefix: "00-DB-12-3",
    parse_mpan: MPANS[0],
    parse_mprn: "0012345678",
    parse_mpxn: MPANS[1],
    parse_msn: "Z21E 10447",
    parse_electricity_msn: "Z21E 10447",
    parse_gas_msn: "G4-K0012.34/56",
    parse_electricity_map_id: "ZMAP",
    parse_gas_map_id: "ZMA",
}
each_parser = pytest.mark.parametrize("parse", list(FORMS))

device_ids = st.binary(min_size=8, max_size=8).map(lambda octets: octets.hex("-").upper())
mpans = st.from_regex("9[789][0-9]{10}", fullmatch=True).map(lambda core: f"{core}{mpan_check_digit(core)}")
ends = st.sampled_from(ALPHANUMERIC)
insides = st.text(f"{ALPHANUMERIC} ./-", max_size=12).map(lambda inside: re.sub(" +", " ", inside))
msns = st.builds("{}{}{}".format, ends, insides, ends) | ends
near_misses = st.text(ALPHANUMERIC + "abcdefilos -:./+=\t\n\u00a0\u200b\u0410\u0663", max_size=26)


def refused(parse, text):
    """What `parse` raises for `text`; any other exception fails the test."""
    with pytest.raises(InvalidIdentifier) as caught:
        parse(text)
    return caught.value


def outcome(parse, text):
    """The value `parse` gives for `text`, or its refusal; any other exception fails the test."""
    try:
        return parse(text)
    except InvalidIdentifier as refusal:
        return refusal


# Every parser


@each_parser
def test_example_is_canonical_already(parse):
    assert parse(EXAMPLES[parse]) == EXAMPLES[parse]


@each_parser
@given(text=st.text(st.characters()) | near_misses)
@example(text="\ud800")
@example(text="\x00")
@example(text="ß" * 30)
@example(text="9" * 30)
def test_any_text_gives_a_canonical_value_or_a_refusal(parse, text):
    value = outcome(parse, text)

    if isinstance(value, str):
        assert re.fullmatch(FORMS[parse], value)
        assert parse(value) == value


@each_parser
@given(text=st.text(st.characters()) | near_misses)
@example(text="\ud800")
@example(text="\x00")
def test_refusal_of_any_text_is_short_and_can_be_written_anywhere(parse, text):
    refusal = outcome(parse, text)

    if isinstance(refusal, InvalidIdentifier):
        assert re.fullmatch("[a-z_]+", refusal.code)
        assert len(str(refusal)) < 300
        assert str(refusal).encode().decode().isprintable()


@each_parser
@given(before=st.text(" \t\r\n\u00a0\u2009\u3000"), after=st.text(" \t\r\n\u00a0\u2009\u3000"))
def test_case_and_outer_white_space_do_not_matter(parse, before, after):
    assert parse(f"{before}{EXAMPLES[parse].lower()}{after}") == EXAMPLES[parse]


@each_parser
@given(data=st.data())
def test_one_letter_or_digit_outside_ascii_is_always_refused(parse, data):
    value = EXAMPLES[parse]
    at = data.draw(st.integers(0, len(value) - 1))
    char = data.draw(st.characters(min_codepoint=128, categories=["L", "N"]))

    refusal = refused(parse, value[:at] + char + value[at + 1 :])

    assert refusal.code in {"look_alike", "invisible"}
    assert f"character {at + 1} is " in str(refusal)
    assert f"U+{ord(char):04X}" in str(refusal)


@each_parser
@given(data=st.data())
def test_one_invisible_character_is_always_refused(parse, data):
    value = EXAMPLES[parse]
    at = data.draw(st.integers(0, len(value)))
    char = data.draw(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"], exclude_characters="\t\r\n"))

    refusal = refused(parse, value[:at] + char + value[at:])

    assert refusal.code == "invisible"
    assert f"character {at + 1} is " in str(refusal)


@each_parser
@pytest.mark.parametrize("text", ["", "  ", "\t\r\n\u00a0"])
def test_nothing_is_refused_as_empty(parse, text):
    assert refused(parse, text).code == "empty"


@each_parser
@pytest.mark.parametrize("char", list("9A-\u200b\u0410"))
def test_message_about_very_long_text_is_short(parse, char):
    assert len(str(refused(parse, f"A{char * 1_000_000}A"))) < 300


@each_parser
@pytest.mark.parametrize("text", ["", "=1+1", "A?", "O0", "1.2E+9", "\u200b", "\u0410", "9" * 13, "9" * 30])
def test_refusals_are_plain_sentences(parse, text):
    refusal = outcome(parse, text)

    if isinstance(refusal, InvalidIdentifier):
        assert re.search(r"[.?]$", str(refusal))
        assert not re.search(r"!|please|  ", str(refusal), re.IGNORECASE)


# Characters that mislead


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        (
            "ZM\u0410P",
            "In ZM\u0410P, character 3 is a Cyrillic \u0410 (U+0410), not the letter A; type it again.",
        ),
        ("\u039fMAP", "character 1 is a Greek \u039f (U+039F), not the letter O"),
        ("ZMA\uff30", "character 4 is a Fullwidth \uff30 (U+FF30), not the letter P"),
        ("ZMA\u0663", "character 4 is an Arabic-Indic \u0663 (U+0663), not the digit 3"),
        ("ZMA\u00c9", "character 4 is a Latin \u00c9 (U+00C9), not the letter E"),
        ("ZMA\u0416", "character 4 is a Cyrillic \u0416 (U+0416); type it again"),
    ],
)
def test_look_alike_is_named_with_its_place(text, explanation):
    refusal = refused(parse_electricity_map_id, text)

    assert refusal.code == "look_alike"
    assert explanation in str(refusal)


@pytest.mark.parametrize("dash", list("\u2010\u2011\u2013\u2014\u2212\uff0d"))
def test_dash_of_a_word_processor_is_a_hyphen(dash):
    assert parse_device_id(DEVICE_ID.replace("-", dash)) == DEVICE_ID
    assert parse_msn(f"Z21{dash}7") == "Z21-7"


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\u200b", "a zero width space (U+200B)"),
        ("\ufeff", "a byte order mark (U+FEFF)"),
        ("\u00ad", "a soft hyphen (U+00AD)"),
        ("\u202e", "a right-to-left override (U+202E)"),
        ("\u0301", "a combining acute accent (U+0301)"),
        ("\u3164", "a hangul filler (U+3164)"),
        ("\x00", "a control character (U+0000)"),
        ("\x1f", "a control character (U+001F)"),
        ("\ud800", "a character without a name (U+D800)"),
    ],
)
@pytest.mark.parametrize("pasted", ["{}ZMAP", "ZM{}AP", "ZMAP{}", " {}ZMAP "])
def test_invisible_character_is_named_and_not_repeated(char, name, pasted):
    refusal = refused(parse_electricity_map_id, pasted.format(char))

    assert refusal.code == "invisible"
    assert f"is {name}, which cannot be seen" in str(refusal)
    assert char not in str(refusal)


@pytest.mark.parametrize(("char", "name"), [("\t", "a tab (U+0009)"), ("\n", "a line break (U+000A)")])
def test_tab_or_line_break_inside_is_refused_as_two_cells_pasted_into_one(char, name):
    assert name in str(refused(parse_gas_msn, f"S76A{char}13884"))


def test_symbol_is_refused_without_being_called_a_look_alike():
    refusal = refused(parse_gas_map_id, "ZM\u2603")

    assert refusal.code == "bad_characters"
    assert "character 3 is a snowman (U+2603); type it again." in str(refusal)


def test_only_white_space_is_trimmed():
    assert {unicodedata.category(char) for char in SPACES} == {"Zs"}


def test_refusal_survives_pickling():
    copy = pickle.loads(pickle.dumps(refused(parse_mpan, "1")))

    assert (copy.code, str(copy)) == ("wrong_length", str(refused(parse_mpan, "1")))


# Device ID


@given(device_id=device_ids, separators=st.lists(st.sampled_from(["", "-", ":"]), min_size=7, max_size=7))
def test_device_id_is_read_with_any_separators_between_octets(device_id, separators):
    written = "".join(f"{octet}{mark}" for octet, mark in zip(device_id.split("-"), [*separators, ""], strict=True))

    assert parse_device_id(written) == parse_device_id(written.lower()) == device_id


@pytest.mark.parametrize(
    ("text", "code", "cure"),
    [
        ("00-DB-12-34-56-78-90-A", "wrong_length", "has 15 digits. A Device ID has 16"),
        ("00-DB-12-34-56-78-90-A", "wrong_length", "Is a digit missing?"),
        ("00-DB-12-34", "wrong_length", "Are digits missing?"),
        ("00-DB-12-34-56-78-90-A00", "wrong_length", "Has a digit been typed twice?"),
        (DEVICE_ID * 2, "wrong_length", "Has more than one number been given?"),
        ("O0-DB-12-34-56-78-90-A0", "bad_characters", f"Is the digit 0 meant? Did you mean {DEVICE_ID}?"),
        ("00-DB-I2-34-56-78-90-A0", "bad_characters", f"Is the digit 1 meant? Did you mean {DEVICE_ID}?"),
        ("00-DB-l2-34-56-78-90-A0", "bad_characters", "character 7 is the letter L."),
        ("00-DB-12-34-S6-78-90-A0", "bad_characters", f"Is the digit 5 meant? Did you mean {DEVICE_ID}?"),
        ("00-DB-12-34-S6-78-90-AX", "bad_characters", "Is the digit 5 meant?"),
        ("0-0DB-12-34-56-78-90-A0", "bad_separator", f"Did you mean {DEVICE_ID}?"),
        ("00--DB-12-34-56-78-90-A0", "bad_separator", f"Did you mean {DEVICE_ID}?"),
        ("-00-DB-12-34-56-78-90-A0", "bad_separator", f"Did you mean {DEVICE_ID}?"),
        ("00-DB-12-34-56-78-90-A0-", "bad_separator", f"Did you mean {DEVICE_ID}?"),
    ],
)
def test_wrong_device_id_is_explained(text, code, cure):
    refusal = refused(parse_device_id, text)

    assert refusal.code == code
    assert cure in str(refusal)


def test_no_suggestion_is_made_that_would_be_refused_too():
    assert "Did you mean" not in str(refused(parse_device_id, "00-DB-12-34-S6-78-90-AX"))


# Device ID prefix


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("00db12", "00-DB-12"),
        (" 00:db:12: ", "00-DB-12"),
        ("00-DB-12-3", "00-DB-12-3"),
        ("00db1234567890a0", DEVICE_ID),
    ],
)
def test_prefix_is_dashed_like_a_device_id(text, prefix):
    assert parse_device_id_prefix(text) == prefix


@pytest.mark.parametrize("text", ["00-DB-1", "0", "00-DB-12-34-56-78-90-A0-1"])
def test_prefix_has_6_to_16_digits(text):
    refusal = refused(parse_device_id_prefix, text)

    assert refusal.code == "wrong_length"
    assert "takes 6 to 16 hexadecimal digits" in str(refusal)


@pytest.mark.parametrize(
    ("prefix", "bounds"),
    [
        ("00-DB-12-3", ("00-DB-12-3", "00-DB-12-4")),
        ("00-DB-19", ("00-DB-19", "00-DB-1:")),
        ("00-DB-1F", ("00-DB-1F", "00-DB-1G")),
        ("00-DB-1F-", ("00-DB-1F", "00-DB-1G")),
        ("FF-FF-FF", ("FF-FF-FF", "FF-FF-FG")),
    ],
)
def test_prefix_range_ends_before_the_next_prefix(prefix, bounds):
    assert prefix_range(prefix) == bounds


@given(device_id=device_ids, length=st.integers(8, 23))
def test_prefix_range_holds_a_device_id_by_each_of_its_prefixes(device_id, length):
    first, below = prefix_range(device_id[:length])

    assert first.encode() <= device_id.encode() < below.encode()


@given(mine=device_ids, length=st.integers(8, 23), data=st.data())
def test_prefix_range_holds_nothing_but_what_begins_with_the_prefix(mine, length, data):
    shared = data.draw(st.integers(0, 23))
    other = mine[:shared] + data.draw(device_ids)[shared:]

    first, below = prefix_range(mine[:length])

    assert (first.encode() <= other.encode() < below.encode()) == other.startswith(mine[:length])


@given(text=st.text() | near_misses)
def test_prefix_range_of_anything_else_is_refused(text):
    assume(not re.fullmatch("[0-9A-Fa-f:-]+", text.strip()))

    refused(prefix_range, text)


# MPAN and MPRN


@pytest.mark.parametrize("mpan", MPANS)
def test_check_digit_agrees_with_known_mpans(mpan):
    assert mpan_check_digit(mpan[:12]) == int(mpan[12])


@pytest.mark.parametrize("text", ["", "1" * 11, "1" * 13, "99100000010O", "\u0661" * 12, "1" * 11 + "\n", "\ud800"])
def test_check_digit_of_anything_but_12_digits_is_refused(text):
    refusal = refused(mpan_check_digit, text)

    assert refusal.code == "wrong_length"


@given(mpan=mpans)
def test_mpan_with_its_check_digit_is_accepted(mpan):
    assert parse_mpan(mpan) == parse_mpxn(mpan) == mpan


@given(mpan=mpans, wrong=st.integers(1, 9))
def test_mpan_with_any_other_check_digit_is_refused(mpan, wrong):
    other = f"{mpan[:12]}{(int(mpan[12]) + wrong) % 10}"

    assert refused(parse_mpan, other).code == refused(parse_mpxn, other).code == "check_digit"


@given(mpan=mpans, gaps=st.lists(st.text(" -\u00a0", max_size=3), min_size=12, max_size=12))
def test_spaces_and_dashes_inside_an_mpan_do_not_matter(mpan, gaps):
    written = "".join(f"{digit}{gap}" for digit, gap in zip(mpan, [*gaps, ""], strict=True))

    assert parse_mpan(written) == parse_mpxn(written) == mpan


@given(mprn=st.from_regex("[0-9]{6,10}", fullmatch=True))
def test_mprn_keeps_its_leading_zeros(mprn):
    assert parse_mprn(mprn) == parse_mpxn(mprn) == mprn


def test_wrong_check_digit_is_explained_without_offering_another():
    message = str(refused(parse_mpan, "9910000001007"))

    assert "the last digit, 7, is a check digit" in message
    assert "Usually one digit is mistyped or two neighbours are swapped" in message
    assert "the check finds most slips, not all" in message
    assert "9910000001006" not in message


@pytest.mark.parametrize(
    ("parse", "text", "code", "explanation"),
    [
        (
            parse_mpan,
            "991000000100",
            "wrong_length",
            "has 12 digits. An MPAN has 13 digits. Is a digit missing?",
        ),
        (parse_mpan, "99100000010066", "wrong_length", "Has a digit been typed twice?"),
        (parse_mpan, "1", "wrong_length", "1 has 1 digit. An MPAN has 13"),
        (parse_mpan, "0012345678", "wrong_fuel", "That may be an MPRN."),
        (
            parse_mprn,
            MPANS[0],
            "wrong_fuel",
            "That is an MPAN. An MPRN has 6 to 10 digits. Is this an electricity",
        ),
        (parse_mprn, "12345", "wrong_length", "An MPRN has 6 to 10 digits."),
        (parse_mprn, "12345678901", "wrong_length", "Has a digit been typed twice?"),
        (parse_mpxn, "12345678901", "wrong_length", "An MPAN has 13 digits, an MPRN 6 to 10."),
        (parse_mpxn, "12345", "wrong_length", "An MPAN has 13 digits, an MPRN 6 to 10."),
        (parse_mpan, "99100000O1006", "bad_characters", "Is the digit 0 meant? Did you mean 9910000001006?"),
        (parse_mpan, "-9910000001006", "bad_characters", "character 1 is a hyphen."),
        (parse_mprn, "123456-", "bad_characters", "character 7 is a hyphen."),
        (parse_mpan, " 9.91E+12", "shortened", "9.91E+12 is not a whole number."),
        (parse_mprn, "1,2e9 ", "shortened", "A spreadsheet seems to have shortened it"),
    ],
)
def test_wrong_mpxn_is_explained(parse, text, code, explanation):
    refusal = refused(parse, text)

    assert refusal.code == code
    assert explanation in str(refusal)


# MSN


@pytest.mark.parametrize("parse", [parse_msn, parse_electricity_msn])
@pytest.mark.parametrize("text", ["z21e 10447", " Z21E  10447\u00a0", "Z21E \u00a0\u2009 10447"])
def test_msn_is_upper_case_with_single_spaces(parse, text):
    assert parse(text) == "Z21E 10447"


@given(msn=msns)
def test_any_canonical_msn_of_a_gas_meter_is_accepted(msn):
    assert parse_gas_msn(msn) == parse_msn(msn) == msn


@given(msn=msns, gap=st.integers(1, 13))
def test_msns_that_differ_in_spaces_have_one_key(msn, gap):
    spaced = f"{msn[:gap]} {msn[gap:]}"

    assert msn_key(parse_msn(spaced)) == msn_key(msn)


def test_msn_key_holds_no_space():
    assert msn_key("Z21E 104 47") == "Z21E10447"


@pytest.mark.parametrize("text", ["=1+1", "+1", "@A", "-A", "A-", ".A", "A/", "A_B", 'A"B', "A;B"])
def test_msn_with_other_characters_or_edges_is_refused(text):
    refusal = refused(parse_msn, text)

    assert refusal.code == "bad_characters"
    assert "begins and ends with a letter or digit" in str(refusal)


def test_too_long_msn_is_explained_as_on_the_edit_page():
    assert str(refused(parse_electricity_msn, "Z21E 104477")) == (
        "Z21E 104477 has 11 characters; on an ESME the MSN has at most 10. Spaces count. "
        "Has a digit been typed twice? Did you mean Z21E 10447?"
    )


@pytest.mark.parametrize(
    ("parse", "text", "explanation"),
    [
        (
            parse_electricity_msn,
            "ZZ345678901",
            "on an ESME the MSN has at most 10. Has a character been typed twice?",
        ),
        (parse_electricity_msn, "12345678901", "12345678901 has 11 characters; on an ESME"),
        (parse_electricity_msn, "12345678901", "Is this a gas meter?"),
        (parse_electricity_msn, "123456789012345", "Has more than one number been given?"),
        (parse_electricity_msn, "Z21 E1 0458", "Spaces count. Did you mean Z21E10458, without spaces?"),
        (parse_gas_msn, "123456789012344", "on a GSME the MSN has at most 14. Has a digit been typed twice?"),
        (parse_gas_msn, "12345678 9012345", "Spaces count. Has more than one number been given?"),
        (parse_msn, "12345678 9012345", "has 15 characters; an MSN has at most 14. Spaces do not count."),
        (parse_msn, "1234567 89012344", "Did you mean 1234567 8901234?"),
    ],
)
def test_too_long_msn_is_explained(parse, text, explanation):
    refusal = refused(parse, text)

    assert refusal.code == "wrong_length"
    assert explanation in str(refusal)


def test_spaces_do_not_count_in_a_search():
    assert parse_msn("g4 k00 12345 18 01") == "G4 K00 12345 18 01"


def test_msn_pattern_has_no_catastrophic_text():
    assert not re.fullmatch(MSN_PATTERN, "A" + " .-/" * 50_000)


def test_msn_pattern_refuses_doubled_spaces():
    assert not re.fullmatch(MSN_PATTERN, "Z21E  10447")


@given(text=st.text("AZ09 ./-", max_size=8))
def test_msn_pattern_is_that_of_the_domain_without_doubled_spaces(text):
    domain = re.fullmatch("[0-9A-Z](?:[0-9A-Z ./-]*[0-9A-Z])?", text)

    assert bool(re.fullmatch(MSN_PATTERN, text)) == (bool(domain) and "  " not in text)


# MAP ID and supplier ID


@pytest.mark.parametrize(
    ("parse", "text", "code", "message"),
    [
        (
            parse_gas_map_id,
            "mlla",
            "wrong_fuel",
            "A gas MAP ID has 3 characters; MLLA has 4. Is this an electricity meter?",
        ),
        (
            parse_electricity_map_id,
            "ZMA",
            "wrong_fuel",
            "An electricity MAP ID has 4 characters; ZMA has 3. Is a character missing, or is this a gas meter?",
        ),
        (
            parse_gas_map_id,
            "ZM",
            "wrong_length",
            "A gas MAP ID has 3 characters; ZM has 2. Compare it with the list of codes.",
        ),
        (
            parse_electricity_map_id,
            "ZM AP",
            "bad_characters",
            "In ZM AP, character 3 is a space. An electricity MAP ID has 4 characters, letters and digits only.",
        ),
    ],
)
def test_wrong_map_id_is_explained(parse, text, code, message):
    refusal = refused(parse, text)

    assert (refusal.code, str(refusal)) == (code, message)


def test_supplier_code_has_the_lengths_of_a_map_id():
    assert parse_participant_code(" zeph", fuel="E", role="supplier") == "ZEPH"
    assert parse_participant_code("zep", fuel="G", role="supplier") == "ZEP"


def test_wrong_supplier_code_is_called_a_supplier_id():
    with pytest.raises(InvalidIdentifier, match="A gas supplier ID has 3 characters; ZEPH has 4"):
        parse_participant_code("ZEPH", fuel="G", role="supplier")


@pytest.mark.parametrize("code", ["NIL", "TBC", "NAN"])
def test_code_that_elsewhere_stands_for_no_value_is_a_code(code):
    """Whether there is such a MAP, its list says."""
    assert parse_map_id(code, fuel="G") == code
