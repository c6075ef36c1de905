"""Addresses of the API, below `/api/v1/`."""

from django.urls import path

from inventory.api.views import DeviceViewSet

urlpatterns = [
    path("devices/<str:device_id>/", DeviceViewSet.as_view({"get": "retrieve"}), name="api-device-detail"),
]
