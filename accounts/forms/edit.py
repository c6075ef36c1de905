"""Forms that show what is recorded already."""

from django import forms
from django.core.exceptions import ValidationError

UNCHANGED = "You have not changed anything."


class EditForm(forms.Form):
    """Sent as it was shown, it is refused, so that nothing is written and nobody is told of a change.

    What was shown is `initial`.
    """

    def clean(self) -> dict[str, object]:
        cleaned = super().clean()
        if not self.errors and not self.has_changed():
            raise ValidationError(UNCHANGED, code="no_change")
        return cleaned
