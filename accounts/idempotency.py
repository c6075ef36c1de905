"""A request with an Idempotency-Key is done once: sent again, it gets the answer it got before (for 24 hours)."""

import hashlib
import json
import re
from collections.abc import Callable

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Count, Func, IntegerField, Min, QuerySet, Sum
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import BadRequest, NotAllowed, Problem, TooMany
from accounts.expiry import remove_older
from accounts.limits import subject_of
from accounts.models import KeptAnswer

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
FORM = re.compile(r"[!-~]{1,255}")  # visible ASCII
NO_KEY = Problem("The Idempotency-Key has 1 to 255 letters, digits and signs, without spaces.", "malformed_key", HEADER)
FULL = (
    "The portal keeps no more answers for your organisation now. Send the request without an Idempotency-Key, "
    "or try again later."
)


class KeyUsedBefore(APIException):
    """422: for another request than this one."""

    status_code = 422


def answered_once(view: APIView, request: Request, give: Callable[[], Response]) -> Response:
    """What `give` gives, or the answer it gave to the same request before; refusals of content are kept, too.

    An answer that is given again says so by the header `Idempotency-Replayed`. Two at once with one key wait for one
    another. Raises KeyUsedBefore for another request with the same key, and TooMany for a new key if the organisation
    has as many answers kept as it can.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return give()
    if not FORM.fullmatch(key):
        raise BadRequest(NO_KEY)
    kept, is_new = _claim(request, key)
    if not is_new:
        again = {REPLAYED: "true"}
        return Response(json.loads(kept.body), kept.status, headers=again, content_type=kept.content_type or None)
    response = _given(view, give)
    kept.status, kept.content_type = response.status_code, response.content_type or ""
    kept.body = json.dumps(response.data, cls=DjangoJSONEncoder)
    kept.save(update_fields=["status", "body", "content_type"])
    return response


def _claim(request: Request, key: str) -> tuple[KeptAnswer, bool]:
    """The answer kept under this key, and whether it is still to be given."""
    asked = f"{request.method} {request.get_full_path()}\n".encode() + request._request.body
    fingerprint = hashlib.sha256(asked).hexdigest()
    theirs = KeptAnswer.objects.filter(organisation=request.acting.organisation)
    place = {"organisation": request.acting.organisation, "subject": subject_of(request.acting), "key": key}
    theirs.filter(**place, created_at__lt=timezone.now() - KeptAnswer.FOR).delete()
    if not theirs.filter(**place).exists():
        _check_room(theirs)
    kept, is_new = KeptAnswer.objects.get_or_create(**place, defaults={"fingerprint": fingerprint})
    if kept.fingerprint != fingerprint:
        raise KeyUsedBefore
    return kept, is_new


def _check_room(theirs: QuerySet) -> None:
    """Raise TooMany, until the oldest answer goes, if they are too many or too large together."""
    stored = Func("body", function="pg_column_size", output_field=IntegerField())
    current = theirs.filter(created_at__gt=timezone.now() - KeptAnswer.FOR)
    found = current.aggregate(number=Count("pk"), size=Sum(stored, default=0), oldest=Min("created_at"))
    if found["number"] >= settings.KEPT_ANSWERS or found["size"] >= settings.KEPT_ANSWER_BYTES:
        left = found["oldest"] + KeptAnswer.FOR - timezone.now()
        raise TooMany(FULL, max(1, round(left.total_seconds())))


def _given(view: APIView, give: Callable[[], Response]) -> Response:
    """A refusal undoes what was done meanwhile, but not that it was given."""
    try:
        with transaction.atomic():
            return give()
    except (BadRequest, NotAllowed) as refusal:
        response = view.get_exception_handler()(refusal, view.get_exception_handler_context())
        transaction.set_rollback(False)
        return response


def forget_answers() -> int:
    """Remove what is kept no longer; how many."""
    return remove_older(KeptAnswer._meta.db_table, "created_at", timezone.now() - KeptAnswer.FOR)
