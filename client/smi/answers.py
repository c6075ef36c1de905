"""What the portal answers, taken apart; whatever is not the portal's becomes a sentence."""

import httpx

from smi.errors import BrokenOff, CommandFailed, Fault, Refused
from smi.terminal import shown

JSON, PROBLEM, CSV = "application/json", "application/problem+json", "text/csv"
ADVICE = {  # to people with a command, in place of that to programs
    httpx.codes.UNAUTHORIZED: "Use smi login with a valid token, from a network that it allows.",
    httpx.codes.FORBIDDEN: "The role or access level of the token does not allow this. See smi whoami.",
}
SEE_ERRORS, TO_CONFIRM = "See errors.", "needs_confirmation"


def accepted(answer: httpx.Response, kind: str) -> httpx.Response:
    """`answer`, if it is a success of this media type; raises Refused or BrokenOff otherwise."""
    if answer.is_success and media_type(answer) == kind:
        return answer
    if answer.has_redirect_location:
        raise BrokenOff(f"{place(answer)} sends us on to {answer.headers['Location']}, which is not followed.")
    if media_type(answer) != PROBLEM:
        got = media_type(answer) or "nothing"
        raise BrokenOff(f"{place(answer)} does not answer as the portal does: status {answer.status_code}, {got}.")
    raise refusal(answer)


def media_type(answer: httpx.Response) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def place(answer: httpx.Response) -> str:
    return str(answer.url.copy_with(query=None))


def refusal(answer: httpx.Response) -> CommandFailed:
    """What a problem document (RFC 9457) says, as an exception."""
    answer.read()
    problem = as_object(answer)
    detail = ADVICE.get(answer.status_code) or problem.get("detail")
    said = (problem.get("title") or f"Refused with status {answer.status_code}", detail != SEE_ERRORS and detail)
    title = " ".join(sentence(one) for one in said if one)
    faults = [fault(error) for error in objects(problem, "errors")] if problem.get("errors") else []
    replayed = answer.headers.get("Idempotency-Replayed") == "true"
    return Refused(answer.status_code, title, faults, str(problem.get("reference") or ""), replayed)


def sentence(text: object) -> str:
    said = str(text).strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."


def fault(error: dict) -> Fault:
    where = str(error.get("pointer") or error.get("parameter") or "").strip("/")
    said = sentence(error.get("detail") or error.get("code") or "Not accepted")
    said += " If that is meant, confirm it." if error.get("code") == TO_CONFIRM else ""
    return Fault(where, said, shown(error["suggestion"]) if error.get("suggestion") else "")


def as_object(answer: httpx.Response) -> dict:
    try:
        value = answer.json()
    except ValueError as error:
        raise BrokenOff(f"{place(answer)} answers with JSON that cannot be read.") from error
    if not isinstance(value, dict):
        raise BrokenOff(f"{place(answer)} answers with JSON of another shape than the portal’s.")
    return value


def objects(of: dict, name: str) -> list[dict]:
    """The list of objects under `name`."""
    found = of.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BrokenOff(f"The answer is of another shape than the portal’s: “{name}” is not a list of objects.")
    return found


def linked(answer: httpx.Response, relation: str) -> str | None:
    """The address in `Link: <…>; rel="relation"`."""
    return answer.links.get(relation, {}).get("url")
