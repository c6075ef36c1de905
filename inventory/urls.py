"""The inventory's pages."""

from django.urls import path

from inventory.views import dashboard, devices, editing, reports

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("data-items/", dashboard.data_items, name="data-items"),
    # Devices
    path("devices/", devices.device_list, name="device-list"),
    path("devices/download/", devices.device_list_download, name="device-list-download"),
    path("devices/to-do/<slug:name>/", devices.worklist, name="worklist"),
    path("devices/<str:device_id>/", devices.device_detail, name="device-detail"),
    path("devices/<str:device_id>/edit/", editing.device_edit, name="device-edit"),
    path("devices/<str:device_id>/edit/confirm/", editing.device_edit_confirm, name="device-edit-confirm"),
    path("devices/<str:device_id>/blank-map-id/", editing.map_id_blank, name="map-id-blank"),
    # Reports
    path("reports/", reports.report_list, name="report-list"),
    path("reports/map-portfolio/", reports.map_portfolio, name="map-portfolio"),
    path("reports/map-portfolio/download/", reports.map_portfolio_download, name="map-portfolio-download"),
    path("reports/runs/<uuid:pk>/manifest/", reports.report_run_manifest, name="report-run-manifest"),
]
