"""What the templates in `components/` need beyond Django's own tags."""

from ipaddress import ip_address
from typing import NamedTuple

from django import template
from django.forms import BoundField, Form
from django.http.request import split_domain_port
from django.template import Context
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from inventory.data_items import Shown
from inventory.devices.presentation import Cell
from inventory.devices.way_back import WayBack, way_back
from smi_portal.service_desk import ServiceDesk
from smi_portal.service_desk import service_desk as the_service_desk

register = template.Library()

# What a component sees beside its arguments, so that the `form` component can carry them.
FRAME = ("csrf_token", "acting", "acting_field")


@register.simple_block_tag(takes_context=True)
def component(context: Context, content: SafeString, name: str, **arguments: object) -> SafeString:
    """`components/<name>.html` around what stands between the tags, which it places as `content`."""
    found = context.template.engine.get_template(f"components/{name}.html")
    frame = {key: context.get(key) for key in FRAME}
    return found.render(context.new({**frame, **arguments, "content": content}))


# States by colour: green good, yellow needs attention, red failed, grey over or inactive, none: on the way.
COLOURS = {
    "Commissioned": "green",
    "complete": "green",
    "Suspended": "yellow",
    "Recovery": "yellow",
    "Decommissioned": "grey",
    "Withdrawn": "grey",
    "NotApplicable": "grey",
    "broken_off": "red",
    "failed": "red",
}


# A page of devices has some hundred of these: a template for each would be half of its time.


@register.simple_tag
def tag(label: str, colour: str = "") -> SafeString:
    """A state in its colour, one of COLOURS."""
    return format_html('<strong class="govuk-tag{}">{}</strong>', colour and f" govuk-tag--{colour}", label)


@register.simple_tag
def status_tag(status: str, label: str) -> SafeString:
    """The SMI Status of a device, or the outcome of a report run."""
    return tag(label, COLOURS.get(status, ""))


@register.simple_tag
def badge(label: str) -> SafeString:
    """A quality flag, beside the value it is about."""
    return format_html('<strong class="moj-badge">{}</strong>', label)


@register.simple_tag
def cell(shown: Cell, absent: str = "None") -> str:
    """One value as a page shows it, with the name behind its code and its flags, or words where there is none."""
    value = _value(shown, absent)
    if not (shown.note or shown.flags):
        return value
    badges = format_html_join("", " {}", ((badge(flag.label),) for flag in shown.flags))
    return format_html("{} {}{}", value, shown.note, badges)


def _value(shown: Cell, absent: str) -> str:
    if shown.shown == Shown.FLAGS:
        return ""
    if shown.value is None:
        return _nothing(absent)
    if shown.shown == Shown.IDENTIFIER:
        return identifier(shown.value)
    return status_tag(shown.value, shown.label) if shown.shown == Shown.STATUS else str(localize(shown.value))


@register.inclusion_tag("components/service_desk.html")
def service_desk() -> dict[str, ServiceDesk | None]:
    """How to reach the DCC service desk; also where nothing but the settings can be asked, as on the page of a 500."""
    return {"desk": the_service_desk()}


@register.simple_tag
def service_desk_in_words() -> str:
    """The same for emails, to follow “the DCC service desk”; empty where the setting is missing."""
    desk = the_service_desk()
    return f" ({desk.email}, telephone {desk.telephone}, {desk.page})" if desk else ""


@register.filter
def identifier(value: object, absent: str = "None") -> SafeString:
    """An identifier in its own letter, selected by one click; where there is none, the word `absent`."""
    if value in (None, ""):
        return _nothing(absent)
    return format_html('<span class="smi-id">{}</span>', value)


@register.filter
def devices(count: int | None) -> str:
    """How many there are, in words; None for more than 1,000."""
    if count is None:
        return "More than 1,000 devices"
    return f"{count:,} device{'' if count == 1 else 's'}" if count else "No devices"


@register.filter
def recorded(value: object, absent: str = "Not recorded") -> object:
    """The value as it is; where there is none, the words `absent`: never a dash or a gap."""
    return _nothing(absent) if value in (None, "") else value


def _nothing(words: str) -> SafeString:
    return format_html('<span class="smi-none">{}</span>', words)


@register.filter
def of(names: dict[str, str], code: str) -> str:
    """The name behind a code, if there is one."""
    return names.get(code, "")


@register.filter
def aria_current(url: str, path: str) -> str:
    """For a menu entry: `page` on its own page, `true` on the pages below it, else nothing."""
    if path == url:
        return "page"
    return "true" if url != "/" and path.startswith(url) else ""


@register.filter
def is_address(host: str) -> bool:
    """Whether a host, with or without a port, is a network address: passkeys belong to names."""
    bare = split_domain_port(host)[0].strip("[]")
    try:
        return bool(ip_address(bare))
    except ValueError:
        return False


@register.simple_tag(takes_context=True)
def list_of(context: Context, device_id: str) -> WayBack:
    """The list to which the breadcrumbs of a device lead back."""
    return way_back(context["request"], device_id)


class ErrorLink(NamedTuple):
    href: str
    text: str


@register.filter
def error_links(form: Form) -> list[ErrorLink]:
    """All errors of a form, those of no field first, each with the way to its field."""
    general = [ErrorLink("", error) for error in form.non_field_errors()]
    return general + [ErrorLink(_anchor(field), _named(field, error)) for field in form for error in field.errors]


def _anchor(field: BoundField) -> str:
    if field.is_hidden:
        return ""
    return f"#{field.auto_id}_0" if field.use_fieldset else f"#{field.id_for_label}"


def _named(field: BoundField, error: str) -> str:
    if field.is_hidden:
        return error
    return f"{field.label} {error}" if str(field.label).endswith(("?", ".")) else f"{field.label}: {error}"
