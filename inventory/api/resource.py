"""What the view sets share."""

from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.viewsets import GenericViewSet

from accounts.access import refuse_unknown
from accounts.errors import BadRequest, Problem


class Resource(GenericViewSet):
    """Declares in `permission` the right that each action takes; `renderer_classes` may differ from address to address.

    OPTIONS are told as JSON, whatever else the address gives.
    """

    def expect(self, *parameters: str) -> None:
        """400 for a parameter other than these, or given twice, or without a value: none is ever ignored."""
        given = self.request.query_params
        refuse_unknown(given, set(parameters))
        if empty := [name for name in given if not given[name]]:
            raise BadRequest(*(Problem(f"“{name}” is empty. Leave it out.", "empty", name) for name in empty))

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer()] if self.action == "metadata" else super().get_renderers()
