"""The API's resources of the inventory. Docstrings of view sets are public: OPTIONS gives them."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.access import refuse_unknown
from accounts.roles import Permission
from inventory.api.serializers import DeviceSerializer
from inventory.lookup import device_or_404
from inventory.trail import note_page


class DeviceViewSet(GenericViewSet):
    """The devices in the own scope, by Device ID."""

    permission = {"retrieve": Permission.VIEW_DEVICE}
    serializer_class = DeviceSerializer

    def retrieve(self, request: Request, device_id: str) -> Response:
        device = device_or_404(request.acting, device_id)
        refuse_unknown(request.query_params, set())
        note_page(request, device)
        return Response(self.get_serializer(device).data)
