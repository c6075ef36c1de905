"""The public lists as resources: data items, participants and rights."""

from collections.abc import Iterable

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Open
from accounts.errors import BadRequest
from accounts.forms.people import ParticipantSearch
from accounts.models import Participant
from accounts.roles import GRANTS, Job, Permission, Role, allows
from inventory.api.paging import Whole
from inventory.api.resource import Resource
from inventory.api.serializers.lists import (
    DataItemSerializer,
    ParticipantSerializer,
    RightsSerializer,
)
from inventory.data_items import ITEMS
from inventory.devices.filters import problems_of


class ListViewSet(Resource):
    """A list that is short enough to be given whole, as JSON or CSV."""

    permission = Open.MEMBERS
    parameters: tuple[str, ...] = ()
    pagination_class = Whole

    def list(self, request: Request) -> Response:
        self.expect(*self.parameters)
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(self.rows()), many=True).data)

    def rows(self) -> Iterable[object]:
        raise NotImplementedError


NAME = OpenApiParameter("name", description="A part of the name, or the code.")


@extend_schema_view(list=extend_schema(parameters=[NAME]))
class ParticipantViewSet(ListViewSet):
    """The public list of MAPs and suppliers: codes, names and dates; nothing of devices."""

    queryset = Participant.objects.none()
    serializer_class = ParticipantSerializer
    parameters = ("name",)

    def rows(self) -> Iterable[object]:
        form = ParticipantSearch(self.request.query_params)
        if not form.is_valid():
            raise BadRequest(*problems_of(form))
        return Participant.objects.named(form.cleaned_data["name"])


class DataItemViewSet(ListViewSet):
    """What each data item is, who records and sees it, and how devices may be looked for by it."""

    serializer_class = DataItemSerializer

    def rows(self) -> Iterable[object]:
        return ITEMS


class RightsViewSet(Resource):
    """Who may do what, and what you may."""

    permission = Open.MEMBERS
    serializer_class = RightsSerializer

    @extend_schema(responses=RightsSerializer)
    def retrieve(self, request: Request) -> Response:
        """Each right with the access levels that have it, by role; and who you act for."""
        self.expect()
        acting = request.acting
        own = {"organisation": acting.organisation.name, "role": acting.role, "job": acting.job}
        own["permissions"] = sorted(GRANTS[acting.role][acting.job])
        rights = [{"name": p.value, "label": p.label, "granted": _granted(p)} for p in Permission]
        return Response(self.get_serializer({"own": own, "permissions": rights}).data)


def _granted(permission: Permission) -> dict[str, list[str]]:
    return {role.value: [job.value for job in Job if allows(role, job, permission)] for role in Role}
