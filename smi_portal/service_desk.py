"""The DCC service desk as help, error and accessibility pages give it, read from the setting `SERVICE_DESK`."""

import re
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, RegexValidator, URLValidator


class ServiceDesk(NamedTuple):
    email: str
    telephone: str
    page: str

    @property
    def call(self) -> str:
        """The telephone number as a link gives it: digits alone, after a plus if it begins with one."""
        return re.sub(r"(?!^\+)\D", "", self.telephone)


EXAMPLE = "service.desk@dcc.example, 020 7946 0123, https://dcc.example/service-desk"
VALIDATORS = ServiceDesk(
    EmailValidator("{} is not an email address."),
    RegexValidator(r"^\+?[\d ()-]{5,}$", "{} is not a telephone number."),
    URLValidator(["http", "https"], message="{} is not the address of a page."),
)


def service_desk() -> ServiceDesk | None:
    """Return the setting, or None if it is missing or wrong: then pages say nothing of it (`problems_of_setting`)."""
    parts = _parts()
    return None if problems_of_setting() else ServiceDesk(*parts)


def problems_of_setting() -> list[str]:
    """Say in sentences what is wrong with the setting."""
    parts = _parts()
    if len(parts) != len(ServiceDesk._fields):
        return ["it needs three parts, separated by commas: email address, telephone number and page."]
    return [told for validate, part in zip(VALIDATORS, parts, strict=True) for told in _problem(validate, part)]


def _parts() -> list[str]:
    return [part for given in settings.SERVICE_DESK.split(",") if (part := given.strip())]


def _problem(validate: RegexValidator | EmailValidator, part: str) -> list[str]:
    try:
        validate(part)
    except ValidationError as error:
        return [error.message.format(part)]
    return []
