"""How the description of the API names its parts; named by the settings, so it imports no view."""

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}List"
