"""How tests of the API send what they change, and read what is refused."""

from typing import Any

from django.test import Client

BATCH = "/api/v1/devices/batch/"


def address(device: object, *more: str) -> str:
    return "/".join([f"/api/v1/devices/{device}", *more, ""])


def patch(system: Client, device: object, if_match: str | None = None, **body: Any):
    """With `If-Match` for the version that the device has here, unless it is given; "" sends none."""
    tag = f'"{device.version}"' if if_match is None else if_match
    headers = {"If-Match": tag} if tag else {}
    return system.patch(address(device), body, content_type="application/json", headers=headers)


def batch(system: Client, *entries: dict[str, Any], key: str = ""):
    headers = {"Idempotency-Key": key} if key else {}
    return system.post(BATCH, {"devices": list(entries)}, content_type="application/json", headers=headers)


def entry(device: object, **items: Any) -> dict[str, Any]:
    return {"device_id": str(device), "version": device.version} | items


def refused(answer, status: int = 400) -> dict[str, str]:
    """Pointer → code of each error."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert all(error["detail"] for error in answer.json()["errors"])
    return {error.get("pointer", error.get("parameter", "")): error["code"] for error in answer.json()["errors"]}
