"""Calls every operation of the API by clients that generators made from its description; a program of its own.

It runs with the packages of `requirements-generators.txt`, knows no Django, and prints, as JSON, the status of each
operation by generator. Usage: `generated_clients.py FOLDER`, with both clients in it. On standard input it takes a JSON
object: `url`, the tokens `supplier` and `map`, and `device_ids`, one for each generator.
"""

import json
import sys
from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any

ITEMS = {"msn": "Z21E 70009", "kind": "correction", "source": "nameplate"}
AGAIN = {"msn": "Z21E 70010", "kind": "correction", "source": "nameplate"}
OF_MAPS = {
    "reports_map_portfolio_download_retrieve": {},
    "reports_runs_list": {},
    "reports_runs_retrieve": {"id": "run"},
    "reports_runs_manifest_retrieve": {"id": "run"},
}
Call = Callable[..., tuple[int, Any]]


def arguments(given: dict[str, str]) -> dict[str, dict[str, object]]:
    """What each operation of a supplier is asked with; bodies as plain objects."""
    one = {"device_id": given["device_id"]}
    return {
        "data_items_list": {},
        "devices_list": {"device_type": "ESME", "installed_from": date(2020, 1, 1), "page_size": 10},
        "devices_retrieve": one,
        "devices_history_retrieve": one,
        "devices_as_of_retrieve": one | {"as_of": date.today()},
        "devices_partial_update": one | {"if_match": '"1"', "body": ITEMS},
        "devices_batch_create": {
            "body": {"devices": [one | {"version": 2} | AGAIN]},
            "idempotency_key": given["device_id"],
        },
        "participants_list": {},
        "reports_list": {},
        "reports_device_list_download_retrieve": {},
        "rights_retrieve": {},
        "schema_retrieve": {},
    }


def statuses(call: Call, given: dict[str, str]) -> dict[str, int]:
    found = {name: call(given["supplier"], name, asked)[0] for name, asked in arguments(given).items()}
    found |= {name: call(given["map"], name, {})[0] for name in list(OF_MAPS)[:1]}
    status, runs = call(given["map"], "reports_runs_list", {})
    run = runs.results[0].id
    found |= {"reports_runs_list": status}
    return found | {name: call(given["map"], name, {"id": run})[0] for name in list(OF_MAPS)[2:]}


def by_openapi_python_client(url: str) -> Call:
    from openapi_python_client_made.client import AuthenticatedClient

    models = import_module("openapi_python_client_made.models")
    tags = ("data_items", "devices", "participants", "reports", "rights", "schema")
    bodies = {"devices_partial_update": models.Items, "devices_batch_create": models.Batch}
    enums = {"device_type": models.DevicesListDeviceType}

    def call(token: str, name: str, asked: dict[str, Any]) -> tuple[int, Any]:
        tag = next(tag for tag in tags if name.startswith(tag))
        operation = import_module(f"openapi_python_client_made.api.{tag}.{name}")
        asked = {key: enums[key](value) if key in enums else value for key, value in asked.items()}
        if "body" in asked:
            asked = asked | {"body": bodies[name].from_dict(asked["body"])}
        with AuthenticatedClient(base_url=url, token=token) as client:
            answer = operation.sync_detailed(client=client, **asked)
        return int(answer.status_code), answer.parsed

    return call


def by_openapi_generator(url: str) -> Call:
    made = import_module("openapi_generator_made")
    bodies = {"devices_partial_update": ("items", made.Items), "devices_batch_create": ("batch", made.Batch)}
    apis = (
        made.DataItemsApi,
        made.DevicesApi,
        made.ParticipantsApi,
        made.ReportsApi,
        made.RightsApi,
        made.SchemaApi,
    )

    def call(token: str, name: str, asked: dict[str, Any]) -> tuple[int, Any]:
        if "body" in asked:
            parameter, model = bodies[name]
            body = asked["body"]
            asked = {key: value for key, value in asked.items() if key != "body"}
            asked[parameter] = model.from_dict(body)
        configuration = made.Configuration(host=url, access_token=token)
        with made.ApiClient(configuration) as client:
            api = next(api for api in apis if hasattr(api, name))
            answer = getattr(api(client), f"{name}_with_http_info")(**asked)
        return answer.status_code, answer.data

    return call


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    given = json.load(sys.stdin)
    told = {}
    for maker, device in zip((by_openapi_python_client, by_openapi_generator), given["device_ids"], strict=True):
        asked = given | {"device_id": device}
        told[maker.__name__.removeprefix("by_")] = statuses(maker(given["url"]), asked)
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
