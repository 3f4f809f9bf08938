"""What the engine says about a client's mistakes: the `error` event, in OpenAI's words where they are known.

The session goes on after each of them; only the few that end it (a bad key, no model, expiry) are closed with a code.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.errors import BridgeError


class Complaint(BridgeError):
    """The client sent something that is refused; becomes one `error` event and changes nothing else."""

    bucket = "client_error"

    def __init__(self, message: str, *, code: str | None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param

    def body(self, event_id: str | None) -> dict[str, object]:
        """The `error` object; `event_id` is the client's id of the event that failed."""
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }


def unknown_parameter(path: str) -> Complaint:
    return Complaint(f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)


def missing_parameter(path: str) -> Complaint:
    return Complaint(f"Missing required parameter: '{path}'.", code="missing_required_parameter", param=path)


def invalid_type(path: str, expected: str, value: object) -> Complaint:
    text = f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead."
    return Complaint(text, code="invalid_type", param=path)


def invalid_value(path: str, value: object, supported: Sequence[str]) -> Complaint:
    names = [f"'{name}'" for name in supported]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, and {names[-1]}"
    text = f"Invalid value: '{value}'. Supported values are: {listed}."
    return Complaint(text, code="invalid_value", param=path)


def out_of_range(path: str, value: object, rule: str) -> Complaint:
    return Complaint(f"Invalid '{path}': expected {rule}, but got {value} instead.", code="invalid_value", param=path)


def session_expired(session_s: float) -> Complaint:
    minutes, rest = divmod(session_s, 60)
    span = f"{session_s:g} seconds" if rest else f"{minutes:g} minutes"
    return Complaint(f"Your session hit the maximum duration of {span}.", code="session_expired")


def active_response(response_id: str) -> Complaint:
    text = (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )
    return Complaint(text, code="conversation_already_has_active_response")


def no_such_item(verb: str, item_id: object) -> Complaint:
    """`verb` is what was asked: delete, retrieve or truncate."""
    gerund = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}[verb]
    text = f"Error {gerund} item: the item with id '{item_id}' does not exist."
    return Complaint(text, code=f"item_{verb}_invalid_item_id")


def buffer_too_small(buffered_ms: float) -> Complaint:
    text = (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {buffered_ms:.2f}ms of audio."
    )
    return Complaint(text, code="input_audio_buffer_commit_empty")


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    if value is None:
        return "null"
    return names.get(type(value), "an object")
