"""The components of templates: the tag library, and forms as the portal renders them."""

from datetime import date

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string

from accounts.acting import Acting
from accounts.files.paging import Page
from accounts.models import Membership, Organisation, User
from accounts.roles import Job, Role
from smi_portal.templatetags.portal import aria_current, error_links


def rendered(source: str, **context: object) -> str:
    html = Template("{% load portal %}" + source).render(Context(context))
    return " ".join(html.split()).replace(" >", ">")


def membership(pk: int = 7, name: str = "Zephyr Energy") -> Membership:
    organisation = Organisation(pk=pk, name=name, role=Role.SUPPLIER)
    return Membership(pk=pk, user=User(name="Priya Shah"), organisation=organisation, job=Job.EDITOR)


class ExampleForm(forms.Form):
    msn = forms.CharField(label="MSN", help_text="As on the nameplate", widget=forms.TextInput({"class": "smi-id"}))
    kind = forms.ChoiceField(label="Why?", choices=[("a", "Typo"), ("b", "Sold")], widget=forms.RadioSelect)
    day = forms.DateField(label="Day", required=False)
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea({"placeholder": "Type here"}))
    type = forms.ChoiceField(label="Type", required=False, choices=[("", "Any"), ("Meters", [("E", "ESME")])])
    sure = forms.BooleanField(label="I am sure", help_text="It cannot be undone", required=False)
    flags = forms.MultipleChoiceField(
        label="Flags", required=False, choices=[("x", "X")], widget=forms.CheckboxSelectMultiple
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


def fields(data: dict | None = None, **initial: object) -> str:
    return rendered("{{ form }}", form=ExampleForm(data, initial=initial))


# The block tag


def test_component_places_what_stands_between_its_tags():
    html = rendered('{% component "details" summary="More" %}<p>{{ inner }}</p>{% endcomponent %}', inner="a < b")

    assert '<div class="govuk-details__text"><p>a &lt; b</p></div>' in html


def test_component_escapes_its_arguments():
    html = rendered('{% component "details" summary=given %}{% endcomponent %}', given="<script>")

    assert "&lt;script&gt;" in html


def test_component_does_not_see_the_context_of_the_page():
    html = rendered('{% component "details" %}{% endcomponent %}', summary="of the page", open=True)

    assert "of the page" not in html


def test_components_nest():
    source = '{% component "tiles" %}{% component "details" summary="In" %}x{% endcomponent %}{% endcomponent %}'

    html = rendered(source)

    assert html.index("smi-tiles") < html.index("govuk-details") < html.index("</ul>")


def test_form_carries_csrf_token_and_membership():
    context = {"csrf_token": "token", "acting": Acting.under(membership(7)), "acting_field": "acting"}

    html = rendered('{% component "form" action="/x/" %}inner{% endcomponent %}', **context)

    assert 'name="csrfmiddlewaretoken" value="token"' in html
    assert '<input type="hidden" name="acting" value="7"> inner' in html


def test_form_without_a_membership_carries_none():
    html = rendered('{% component "form" %}{% endcomponent %}', csrf_token="token")

    assert '<form method="post" novalidate>' in html
    assert 'name="acting"' not in html


def test_table_is_a_region_named_by_its_heading():
    html = rendered(
        '{% component "table" id="runs" heading="Runs" caption="All runs" %}<tbody></tbody>{% endcomponent %}'
    )

    assert '<h2 class="govuk-heading-m" id="runs-heading">Runs</h2>' in html
    assert '<div class="smi-scroll" tabindex="0" role="region" aria-labelledby="runs-heading">' in html


# Filters


@pytest.mark.parametrize("value", [None, ""])
def test_missing_identifier_says_none(value):
    assert rendered("{{ value|identifier }}", value=value) == '<span class="smi-none">None</span>'


def test_identifier_is_escaped():
    assert rendered("{{ value|identifier }}", value="<b>") == '<span class="smi-id">&lt;b&gt;</span>'


def test_missing_value_says_not_recorded():
    assert rendered("{{ value|recorded }}", value=None) == '<span class="smi-none">Not recorded</span>'


def test_recorded_value_stays_as_it_is():
    assert rendered("{{ value|recorded }}", value=date(2026, 11, 3)) == "3 November 2026"


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("/devices/", "/devices/", "page"),
        ("/devices/", "/devices/x/edit/", "true"),
        ("/devices/", "/reports/devices/", ""),
        ("/", "/", "page"),
        ("/", "/devices/", ""),
    ],
)
def test_menu_entry_is_current_on_its_page_and_below(url, path, expected):
    assert aria_current(url, path) == expected


# Error summary


def test_errors_of_no_field_come_first():
    form = ExampleForm({"msn": "x", "kind": "a", "version": "1"})
    form.add_error("msn", "It is too short.")
    form.add_error(None, "Nothing is different.")

    assert [link.text for link in error_links(form)] == ["Nothing is different.", "MSN: It is too short."]


def test_error_links_to_its_field_and_to_the_first_of_its_radios():
    form = ExampleForm({"version": "1"})

    assert [link.href for link in error_links(form)] == ["#id_msn", "#id_kind_0"]


def test_label_that_asks_takes_no_colon():
    form = ExampleForm({"msn": "x", "version": "1"})

    assert error_links(form)[0].text == "Why? This field is required."


def test_error_of_a_hidden_field_leads_nowhere():
    form = ExampleForm({"msn": "x", "kind": "a"})

    assert error_links(form) == [("", "This field is required.")]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ({"kind": "a", "version": "1"}, "Nothing has been searched. Check 1 thing<"),
        ({"version": "1"}, "Nothing has been searched. Check 2 things<"),
    ],
)
def test_error_summary_counts(data, title):
    source = '{% include "components/error_summary.html" with form=form first="Nothing has been searched" only %}'

    assert title in rendered(source, form=ExampleForm(data))


# Fields and widgets


def test_label_names_its_field():
    assert '<label class="govuk-label govuk-label--s" for="id_msn">MSN</label>' in fields()


def test_hint_has_the_id_that_describes_the_field():
    html = fields()

    assert '<div class="govuk-hint" id="id_msn_helptext">As on the nameplate</div>' in html
    assert 'aria-describedby="id_msn_helptext"' in html


def test_error_has_the_id_that_describes_the_field():
    html = fields({"version": "1"})

    assert (
        '<div id="id_msn_error"><p class="govuk-error-message"><span class="govuk-visually-hidden">Error:</span>'
        in html
    )
    assert 'aria-describedby="id_msn_helptext id_msn_error"' in html


def test_each_of_several_errors_is_said():
    form = ExampleForm({"msn": "x", "kind": "a", "version": "1"})
    form.add_error("msn", ["First.", "Second."])

    html = rendered("{{ form.msn.as_field_group }}", form=form)

    assert html.count("govuk-error-message") == 2


def test_field_in_error_is_marked():
    html = fields({"version": "1"})

    assert "govuk-form-group--error" in html
    assert 'aria-invalid="true"' in html


def test_class_given_in_python_joins_the_widgets_own():
    assert 'class="govuk-input smi-id" type="text" name="msn"' in fields()


def test_date_is_written_day_first():
    assert 'name="day" value="23/11/2026"' in fields(day=date(2026, 11, 23))


def test_placeholder_is_left_out():
    html = fields(note="typed")

    assert "placeholder" not in html
    assert "typed</textarea>" in html


def test_select_groups_its_options():
    html = fields(type="E")

    assert '<select class="govuk-select" name="type"' in html
    assert '<optgroup label="Meters"> <option value="E" selected>ESME</option> </optgroup>' in html


def test_radios_stand_in_a_fieldset_that_is_described():
    html = fields({"msn": "x", "version": "1"})

    assert '<fieldset class="govuk-fieldset" aria-describedby="id_kind_error">' in html
    assert '<label class="govuk-label govuk-radios__label" for="id_kind_1">Sold</label>' in html


def test_radios_are_not_called_invalid():
    html = rendered("{{ form.kind }}", form=ExampleForm({"msn": "x", "version": "1"}))

    assert "aria-invalid" not in html


def test_checkbox_stands_before_its_label():
    html = rendered("{{ form.sure.as_field_group }}", form=ExampleForm(initial={"sure": True}))

    assert html.index("govuk-checkboxes__input") < html.index("I am sure") < html.index('id_sure_helptext">')
    assert "checked" in html


def test_checkboxes_stand_in_a_fieldset():
    html = rendered("{{ form.flags.as_field_group }}", form=ExampleForm(initial={"flags": ["x"]}))

    assert "<legend" in html
    assert 'class="govuk-checkboxes__input" type="checkbox" name="flags" value="x"' in html


def test_hidden_field_has_neither_label_nor_class():
    assert '<input type="hidden" name="version" id="id_version">' in fields()


def test_filter_field_is_bold():
    source = '{% include "components/filter_field.html" with field=form.msn only %}'

    assert '<label class="govuk-label govuk-!-font-weight-bold" for="id_msn">' in rendered(source, form=ExampleForm())


# Other components


@pytest.mark.parametrize(
    ("status", "colour"),
    [
        ("Commissioned", "govuk-tag govuk-tag--green"),
        ("Suspended", "govuk-tag govuk-tag--yellow"),
        ("Recovery", "govuk-tag govuk-tag--yellow"),
        ("Decommissioned", "govuk-tag govuk-tag--grey"),
        ("Withdrawn", "govuk-tag govuk-tag--grey"),
        ("NotApplicable", "govuk-tag govuk-tag--grey"),
        ("Whitelisted", "govuk-tag"),
        ("complete", "govuk-tag govuk-tag--green"),
        ("broken_off", "govuk-tag govuk-tag--red"),
    ],
)
def test_status_has_its_colour(status, colour):
    html = rendered('{% status_tag status "Words" %}', status=status)

    assert html == f'<strong class="{colour}">Words</strong>'


PAGINATION = '{% include "components/pagination.html" with page=page what="devices" only %}'


def test_first_page_has_no_previous_one():
    html = rendered(PAGINATION, page=Page([], next_url="?after=x"))

    assert 'rel="next"' in html
    assert 'rel="prev"' not in html


def test_only_page_has_no_pagination():
    assert rendered(PAGINATION, page=Page([])) == ""


def test_no_filter_shows_no_tags():
    assert rendered('{% include "components/filter_tags.html" with tags=tags clear_url="/" only %}', tags=[]) == ""


def test_change_from_nothing_says_none():
    html = rendered(
        '{% include "components/change.html" with label="MAP ID" before="" after="ZMAP" identifier=True only %}'
    )

    assert '<span class="smi-value">none</span>' in html
    assert '<span class="smi-value smi-id">ZMAP</span>' in html


def test_membership_acted_under_is_marked():
    memberships = [membership(1, "Zircon Metering"), membership(12, "Zircon Energy")]
    source = '{% include "components/membership_choices.html" with memberships=memberships acting=acting only %}'

    html = rendered(source, memberships=memberships, acting=Acting.under(memberships[1]))

    assert 'value="12" class="smi-choice" aria-current="true"' in html
    assert html.count("aria-current") == 1


def test_template_needs_no_context():
    html = render_to_string("base.html")

    assert '<html lang="en-GB"' in html
    assert "smi-account" not in html


def test_title_says_that_there_are_errors():
    html = render_to_string("base.html", {"form": ExampleForm({})})

    assert "<title>Error: " in html
    assert "govuk-error-summary" in html
