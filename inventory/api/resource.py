"""What the view sets share."""

from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.viewsets import GenericViewSet


class Resource(GenericViewSet):
    """Declares in `permission` the right that each action takes; `renderer_classes` may differ from address to address.

    OPTIONS are told as JSON, whatever else the address gives.
    """

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONRenderer()] if self.action == "metadata" else super().get_renderers()
