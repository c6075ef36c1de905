"""How the portal writes and reads dates: 23 November 2026; typed day first, or ISO."""

DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = r"j F Y \a\t H:i"
DATE_INPUT_FORMATS = ["%d/%m/%Y", "%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%d.%m.%Y", "%d-%m-%Y"]
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
