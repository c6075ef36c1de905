"""The site on one screen."""

from django.urls import include, path

from smi_portal import health, known_places
from smi_portal.docs import pages
from smi_portal.logs import mask_secrets_of
from smi_portal.oversight import views as oversight

urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("help/", pages.help_page, name="help"),
    path("help/api/", pages.api_guide, name="api-guide"),
    path("help/api/reference/", pages.api_reference, name="api-reference"),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path("open-questions/", pages.open_questions, name="open-questions"),
    path("privacy/", pages.privacy, name="privacy"),
    path("audit/", oversight.audit, name="audit"),
    path("audit/readers/", oversight.audit_readers, name="audit-readers"),
    path("audit/download/", oversight.audit_download, name="audit-download"),
    path("organisations/accounts/download/", oversight.accounts_download, name="organisation-accounts-download"),
    path("robots.txt", known_places.robots, name="robots"),
    path("favicon.ico", known_places.favicon, name="favicon"),
    path(".well-known/change-password", known_places.change_password, name="change-password"),
    path(".well-known/security.txt", known_places.security, name="security"),
    path("api/v1/", include("inventory.api.urls")),
    path("", include("accounts.urls")),
    path("", include("inventory.urls")),
]

mask_secrets_of(urlpatterns)

handler400 = "smi_portal.refusals.pages.bad_request"
handler403 = "smi_portal.refusals.pages.permission_denied"
handler404 = "smi_portal.refusals.pages.page_not_found"
handler500 = "smi_portal.refusals.pages.server_error"
handler429 = "smi_portal.refusals.pages.too_many_requests"
