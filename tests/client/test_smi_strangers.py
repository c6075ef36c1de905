"""The token goes to one portal, and what answers for it must answer as it does."""

from dataclasses import replace

import pytest

from tests.client.unruly import HTML, TOKEN, Answer, problem, unruly

PAGE = {"next": None, "previous": None, "results": [{"device_id": "00-DB-12-34-56-78-90-A0", "msn": "Z1\x1b[2J\x9b"}]}


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv", "-")])
def test_next_page_elsewhere_is_not_asked_for(server, smi, form):
    with unruly() as stranger:
        link = {"Link": f'<{stranger.api}devices/?cursor=2>; rel="next"'}
        as_csv = Answer(b"device_id\r\nA\r\n", kind="text/csv", headers=link)
        as_json = Answer(PAGE | {"next": f"{stranger.api}devices/?cursor=2"})
        server.will("GET devices/", as_csv if "--csv" in form else as_json)

        ended = smi("device", "list", *form)

    assert ended.code == 3
    assert "names an address elsewhere, which is not followed" in ended.err
    assert stranger.heard == []


@pytest.mark.parametrize("following", ["http://user@{}/api/v1/devices/", "https://{}/api/v1/devices/", "http://{}x/"])
def test_next_page_at_the_same_host_in_another_way_is_not_asked_for(server, smi, following):
    named = following.format(server.url.removeprefix("http://"))
    server.will("GET devices/", Answer(PAGE | {"next": named}))

    assert smi("device", "list").code == 3
    assert len(server.heard) == 1


def test_redirection_is_not_followed(server, smi):
    with unruly() as stranger:
        server.will("GET rights/", Answer(status=302, headers={"Location": f"{stranger.api}rights/"}))

        ended = smi("whoami")

    assert ended.code == 3
    assert "which is not followed" in ended.err
    assert stranger.heard == []


@pytest.mark.parametrize(
    "answer",
    [
        HTML,
        Answer(HTML.body, 502, "text/html"),
        Answer(b"{", 200),
        Answer(b"\xff", 200),
        Answer([1, 2]),
        Answer({"own": "nobody"}),
        Answer({"own": {}}, kind="text/plain"),
        Answer(b"<html>", 400, "application/problem+json"),
        Answer({"title": "No", "errors": "none"}, 400, "application/problem+json"),
        Answer(b"", 204),
    ],
    ids=lambda answer: f"{answer.status}-{answer.content[:12]!r}",
)
def test_answer_that_is_not_the_portals_is_a_sentence(server, smi, answer):
    server.will("GET rights/", answer)

    ended = smi("whoami")

    assert ended.code == 3
    assert ended.out == ""
    assert ended.err.endswith(".\n")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("page", [{}, {"results": {}}, {"results": [1]}])
def test_page_of_another_shape_is_a_sentence(server, smi, page):
    server.will("GET devices/", Answer(page))

    assert smi("device", "list", "--json").code == 3


def test_page_of_csv_with_other_columns_is_not_joined_to_the_first(server, smi, tmp_path):
    first = Answer(b"device_id,msn\r\nA,1\r\n", kind="text/csv", headers={"Link": '<devices/?cursor=2>; rel="next"'})
    server.will("GET devices/", first, Answer(b"msn,device_id\r\n2,B\r\n", kind="text/csv"))
    server.will("GET devices/devices/", Answer(b"", kind="text/csv"))

    ended = smi("device", "list", "--csv", "devices.csv")

    assert ended.code == 3
    assert "columns of the first one" in ended.err
    assert not list(tmp_path.glob("devices.csv*"))


def test_what_others_have_recorded_does_not_steer_the_terminal(server, smi):
    server.will("GET devices/", Answer(PAGE))

    ended = smi("device", "list")

    assert ended.code == 0
    assert "Z1\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in ended.out


def test_refusal_says_each_field_its_sentence_and_a_suggestion(server, smi):
    fault = {"pointer": "/map_id", "code": "unknown", "detail": "No MAP has the code ZMAQ", "suggestion": "ZMAP"}
    server.will("PATCH devices/A/", problem(400, "Not accepted", fault, {"parameter": "x", "code": "odd"}))

    ended = smi("device", "set", "A", "--map-id", "ZMAQ", "--version", "3")

    assert ended.code == 1
    assert ended.err.splitlines() == [
        "Not accepted.",
        "  map_id: No MAP has the code ZMAQ. Suggestion: ZMAP",
        "  x: odd.",
        "Reference: r-2",
    ]


def test_refusal_of_several_things_does_not_point_to_what_is_not_shown(server, smi):
    fault = {"pointer": "/confirm", "code": "needs_confirmation", "detail": "That day is in the future."}
    refusal = problem(400, "Not accepted", fault)
    server.will("PATCH devices/A/", replace(refusal, body=refusal.body | {"detail": "See errors."}))

    ended = smi("device", "set", "A", "--map-id", "ZMAP", "--version", "3")

    assert ended.err.splitlines()[:2] == [
        "Not accepted.",
        "  confirm: That day is in the future. If that is meant, confirm it.",
    ]


@pytest.mark.parametrize(("status", "advice"), [(401, "Use smi login with a valid token"), (403, "See smi whoami.")])
def test_refusal_of_the_token_says_what_to_do_with_this_command(server, smi, status, advice):
    refusal = problem(status, "No")
    server.will("GET devices/A/", replace(refusal, body=refusal.body | {"detail": "Send a header."}))

    ended = smi("device", "show", "A")

    assert ended.code == 1
    assert ended.err.startswith("No. ")
    assert advice in ended.err
    assert "header" not in ended.err


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example",
        "http://127.0.0.1.portal.example",
        "ftp://portal.example",
        "portal.example",
        "https://",
        "https://user:secret@portal.example",
        "https://portal.example/?next=x",
        "https://portal.example:port",
    ],
)
def test_address_to_which_no_token_may_go_is_refused(smi, monkeypatch, url):
    monkeypatch.setenv("SMI_URL", url)

    assert smi("whoami").code == 2
    assert smi("login", "--url", url).code == 2


def test_portal_hears_the_token_and_the_version_of_the_command(server, smi):
    server.will("GET devices/", Answer(PAGE))

    smi("device", "list")

    assert server.headers_heard("Authorization") == [f"Bearer {TOKEN}"]
    assert server.headers_heard("User-Agent")[0].startswith("smi/0.")
