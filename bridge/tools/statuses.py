"""What the model is told of an HTTP status that is no success."""

from __future__ import annotations

from http import HTTPStatus

ANOTHER_WAY = "Say that this does not work just now, and offer another way."
_ASK_AGAIN = "Check with the caller what you asked for."
_SENTENCES = {
    400: ("did not accept what was asked", _ASK_AGAIN),
    401: ("does not let us in", ANOTHER_WAY),
    403: ("does not let us in", ANOTHER_WAY),
    404: ("has nothing like that", _ASK_AGAIN),
    409: ("says that this cannot be done as things stand", _ASK_AGAIN),
    410: ("has nothing like that any more", _ASK_AGAIN),
    422: ("did not accept what was asked", _ASK_AGAIN),
    429: ("is too busy", ANOTHER_WAY),
}


def sentence_for(status: int) -> str:
    """One sentence on what happened and one on what to do. The body stays out: services print their insides there."""
    known = {one.value: one.phrase for one in HTTPStatus}
    shown = f"{status} {known[status]}" if status in known else str(status)
    if 300 <= status < 400:
        what, advice = "sent us on to another address, which is not followed", ANOTHER_WAY
    else:
        what, advice = _SENTENCES.get(status, ("failed" if status >= 500 else "refused", ANOTHER_WAY))
    return f"The service {what} ({shown}). {advice}"
