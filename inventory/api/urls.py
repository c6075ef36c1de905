"""Addresses of the API, below `/api/v1/`."""

from django.urls import path
from rest_framework.renderers import JSONRenderer

from inventory.api.description import SchemaView
from inventory.api.devices import DeviceViewSet
from inventory.api.lists import DataItemViewSet, ParticipantViewSet, RightsViewSet
from inventory.api.renderers import CSVRenderer
from inventory.api.reports import ReportViewSet, RunViewSet, download_of
from inventory.reports.catalogue import CATALOGUE

LIST = {"get": "list"}
DEVICE = {"get": "retrieve", "patch": "partial_update"}
CSV_TOO = [JSONRenderer, CSVRenderer]  # downloads are CSV also to who accepts anything

urlpatterns = [
    path("schema/", SchemaView.as_view({"get": "retrieve"}), name="api-schema"),
    # Devices
    path("devices/", DeviceViewSet.as_view(LIST, renderer_classes=CSV_TOO), name="api-device-list"),
    path("devices/batch/", DeviceViewSet.as_view({"post": "batch"}), name="api-device-batch"),
    path("devices/<str:device_id>/", DeviceViewSet.as_view(DEVICE), name="api-device-detail"),
    path("devices/<str:device_id>/history/", DeviceViewSet.as_view({"get": "history"}), name="api-device-history"),
    path("devices/<str:device_id>/as-of/", DeviceViewSet.as_view({"get": "as_of"}), name="api-device-as-of"),
    # Reports
    path("reports/", ReportViewSet.as_view(LIST), name="api-report-list"),
    *(
        path(
            f"reports/{report.name}/download/",
            download_of(report).as_view({"get": "retrieve"}, renderer_classes=CSV_TOO),
            name=f"api-{report.name}-download",
        )
        for report in CATALOGUE.values()
    ),
    path("reports/runs/", RunViewSet.as_view(LIST), name="api-run-list"),
    path("reports/runs/<uuid:pk>/", RunViewSet.as_view({"get": "retrieve"}), name="api-run-detail"),
    path("reports/runs/<uuid:pk>/manifest/", RunViewSet.as_view({"get": "manifest"}), name="api-run-manifest"),
    # Lists
    path("participants/", ParticipantViewSet.as_view(LIST, renderer_classes=CSV_TOO), name="api-participant-list"),
    path("data-items/", DataItemViewSet.as_view(LIST, renderer_classes=CSV_TOO), name="api-data-item-list"),
    path("rights/", RightsViewSet.as_view({"get": "retrieve"}), name="api-rights"),
]
