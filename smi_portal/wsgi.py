"""The portal as gunicorn serves it."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smi_portal.settings")
django.setup(set_prefix=False)

from smi_portal import urls  # noqa: E402, F401  (before the first request: logs learn which addresses have secrets)
from smi_portal.bounds import Request  # noqa: E402


class Portal(WSGIHandler):
    request_class = Request


application = Portal()
