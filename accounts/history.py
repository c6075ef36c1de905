"""History kept by triggers of the database: each write leaves a row, whichever way it came."""

from typing import Any

import pghistory
from django.db import models
from pghistory.models import Event


def history_of(model: type[models.Model], *, exclude: list[str] | None = None, **attrs: Any) -> type[Event]:
    """An abstract model of what `model` was after each write, in order of `pgh_id`, with its moment and context.

    The row before tells what was before. `pgh_context` holds who and why: `person` and `organisation` (row ids) or
    `operator` (the reason of the operator's work), `via`, `request`, `batch`, and as far as known `token` (a system's),
    `kind`, `source`, `reason` and `code`, the participant's.
    """
    return pghistory.create_event_model(
        model,
        exclude=exclude,
        context_id_field=None,
        obj_field=pghistory.ObjForeignKey(related_name="history", db_index=False),
        attrs={"pgh_id": models.BigAutoField(primary_key=True), **attrs},
        meta={"indexes": [models.Index(fields=["pgh_obj", "pgh_id"], name=f"{model._meta.model_name}_history")]},
    )
