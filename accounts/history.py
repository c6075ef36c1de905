"""History kept by triggers of the database: each write leaves a row, whichever way it came."""

from typing import Any

import pghistory
import pgtrigger
from django.db import models
from pghistory.models import Event
from pghistory.trigger import Event as EventTrigger


class OwnTableTrigger(EventTrigger):
    """Its function has the rights of the tables' owner (`smi_portal.schema.generated`), so it serves no other table."""

    def get_func(self, model: type[models.Model]) -> pgtrigger.Func:
        table = model._meta.db_table
        return pgtrigger.Func(
            f"IF TG_RELID <> '{table}'::regclass THEN RAISE EXCEPTION 'This is the history of {table}'"
            f" USING ERRCODE = 'insufficient_privilege'; END IF; {super().get_func(model).func}"
        )


class _Tracker(pghistory.RowEvent):
    """Installs that trigger instead of pghistory's own."""

    def add_event_trigger(self, event_model: type[Event]) -> None:
        given = ("label", "row", "operation", "condition", "level")
        trigger = OwnTableTrigger(
            event_model=event_model, name=self.trigger_name, **{name: getattr(self, name) for name in given}
        )
        pgtrigger.register(trigger)(event_model.pgh_tracked_model)


class InsertTracker(_Tracker, pghistory.InsertEvent):
    pass


class UpdateTracker(_Tracker, pghistory.UpdateEvent):
    pass


def history_of(model: type[models.Model], *, exclude: list[str] | None = None, **attrs: Any) -> type[Event]:
    """An abstract model of what `model` was after each write, in order of `pgh_id`, with its moment and context.

    The row before tells what was before. `pgh_context` holds who and why: `person` and `organisation` (row ids) or
    `operator` (the reason of the operator's work), `via`, `request`, `batch`, and as far as known `token` (a system's),
    `kind`, `source`, `reason` and `code`, the participant's.
    """
    return pghistory.create_event_model(
        model,
        InsertTracker(),
        UpdateTracker(),
        exclude=exclude,
        context_id_field=None,
        obj_field=pghistory.ObjForeignKey(related_name="history", db_index=False),
        attrs={"pgh_id": models.BigAutoField(primary_key=True), **attrs},
        meta={"indexes": [models.Index(fields=["pgh_obj", "pgh_id"], name=f"{model._meta.model_name}_history")]},
    )
