"""The portal as gunicorn serves it."""

import os
from collections.abc import Callable, Iterable
from io import BytesIO

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smi_portal.settings")
django.setup(set_prefix=False)

from smi_portal import urls  # noqa: E402, F401  (before the first request: logs learn which addresses have secrets)
from smi_portal.bounds import Request  # noqa: E402


class Portal(WSGIHandler):
    request_class = Request

    def __call__(self, environ: dict[str, object], start_response: Callable) -> Iterable[bytes]:
        """Serve a request, also one whose body came in chunks: Django reads only as much as Content-Length says.

        One byte more than a body can have is enough for Django to refuse it.
        """
        if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return super().__call__(environ, start_response)


application = Portal()
