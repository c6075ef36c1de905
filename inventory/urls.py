"""The inventory's pages."""

from django.urls import path

from accounts import bounds  # noqa: F401  (registers the converters)
from inventory.reports.catalogue import CATALOGUE
from inventory.views import dashboard, devices, editing, history, removing, reports, search

urlpatterns = [
    # Files come before the addresses of devices, which would take `download` for a Device ID
    *(
        path(f"{report.path}download/", reports.report_download(report), name=f"{report.name}-download")
        for report in CATALOGUE.values()
    ),
    # First pages
    path("", dashboard.dashboard, name="dashboard"),
    path("data-items/", dashboard.data_items, name="data-items"),
    # Devices
    path("search/", search.device_search, name="device-search"),
    path("devices/", devices.device_list, name="device-list"),
    path("devices/to-do/<slug:name>/", devices.worklist, name="worklist"),
    path("devices/<str:device_id>/", devices.device_detail, name="device-detail"),
    path("devices/<str:device_id>/history/", history.device_history, name="device-history"),
    path("devices/<str:device_id>/edit/", editing.device_edit, name="device-edit"),
    path("devices/<str:device_id>/edit/confirm/", editing.device_edit_confirm, name="device-edit-confirm"),
    path("devices/<str:device_id>/blank-map-id/", removing.map_id_blank, name="map-id-blank"),
    path("devices/<str:device_id>/remove-msn/", removing.msn_remove, name="msn-remove"),
    path("devices/<str:device_id>/take-back/<day:day>/", removing.map_step_take_back, name="map-step-take-back"),
    # Reports
    path("reports/", reports.report_list, name="report-list"),
    path("reports/map-portfolio/", reports.map_portfolio, name="map-portfolio"),
    path("reports/runs/<uuid:pk>/manifest/", reports.report_run_manifest, name="report-run-manifest"),
]
