"""The portal's addresses, and the device list of the API by DRF's own paginations: all else is the same."""

from django.urls import include, path
from rest_framework.pagination import BasePagination, LimitOffsetPagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.api.devices import DeviceViewSet
from inventory.devices.filters import DeviceFilter
from inventory.models import Device
from inventory.trail.notes import note_search
from smi_portal import urls

SIZE = 100


class ByNumber(PageNumberPagination):
    page_size = SIZE


class ByOffset(LimitOffsetPagination):
    default_limit = SIZE


class Compared(DeviceViewSet):
    """The rows are found by `pagination_class`; what is told of them, and noted of the reader, is the portal's."""

    def list(self, request: Request) -> Response:
        visible = Device.objects.visible_to(request.acting)
        search = DeviceFilter(request.query_params, visible, request.acting, beside=("page", "offset"))
        rows = self.paginate_queryset(search.narrowed_or_refused().order_by("device_id").only("pk"))
        page = list(self.detailed(Device.objects.filter(pk__in=[row.pk for row in rows])).order_by("device_id"))
        note_search(request, search, page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def compared(pagination: type[BasePagination]) -> object:
    return Compared.as_view({"get": "list"}, pagination_class=pagination)


urlpatterns = [
    path("api/compared/by-number/", compared(ByNumber)),
    path("api/compared/by-offset/", compared(ByOffset)),
    path("", include("smi_portal.urls")),
]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
