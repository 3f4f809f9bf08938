"""What Twilio tells of a call that we placed: how it goes, and who picked up."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.carriers.base import Detection, StatusReport
from bridge.carriers.twilio.webhook import TwilioWebhook
from bridge.errors import WireError

RECORDED = Path(__file__).parents[1] / "fixtures" / "twilio_webhooks.jsonl"
FORMS: dict[str, dict[str, str]] = {
    one["name"]: one.get("form", {}) for one in map(json.loads, RECORDED.read_text(encoding="utf-8").splitlines())
}
CALL = "CAfedcba9876543210fedcba9876543210"
AT = 1795410600.0  # Mon, 23 Nov 2026 05:10:00 +0000


def webhook() -> TwilioWebhook:
    return TwilioWebhook("https://b.example.test", ("t",), "AC0123456789abcdef0123456789abcdef")


def test_a_report_is_read_in_full() -> None:
    busy = webhook().report(FORMS["status_busy"])
    numbers = {"to": "+15005550006", "from_": "+15005550009"}
    assert busy == StatusReport(CALL, "busy", True, sip=486, duration_s=0, sequence=2, at=AT + 60, **numbers)
    ringing = webhook().report(FORMS["status_ringing"])
    assert (ringing.status, ringing.over, ringing.sequence, ringing.duration_s) == ("ringing", False, 1, None)
    completed = webhook().report(FORMS["status_completed"] | {"AnsweredBy": "machine_end_beep"})
    assert completed.duration_s == int(FORMS["status_completed"]["CallDuration"])
    assert completed.answered_by == "machine_end_beep"
    assert webhook().report(FORMS["status_failed"] | {"ErrorCode": "32009"}).error_code == 32009


def test_what_is_missing_or_unreadable_in_a_report_is_left_out() -> None:
    assert webhook().report({"CallSid": CALL}) == StatusReport(CALL, "", False)
    strange = {"SipResponseCode": "4e2", "CallDuration": "-3", "SequenceNumber": "9" * 5000, "Timestamp": "tomorrow"}
    assert webhook().report({"CallSid": CALL, "CallStatus": "failed"} | strange) == StatusReport(
        CALL, "failed", True, duration_s=0
    )


def test_reports_in_any_order_are_put_in_order_by_their_sequence() -> None:
    told = ["status_initiated", "status_ringing", "status_in-progress", "status_completed"]
    for order in itertools.permutations(told):
        newest = max((webhook().report(FORMS[name]) for name in order), key=lambda report: report.sequence)
        assert newest.status == "completed"


@settings(deadline=None, database=None, derandomize=True, max_examples=200)
@given(st.dictionaries(st.sampled_from([*FORMS["status_busy"], "AnsweredBy", "ErrorCode"]), st.text(max_size=30)))
def test_no_form_breaks_the_reader(strange: dict[str, Any]) -> None:
    report = webhook().report(FORMS["status_busy"] | strange | {"CallSid": CALL})
    assert report.carrier_call_id == CALL
    assert report.sequence >= -1


def test_detection_says_who_picked_up() -> None:
    assert webhook().detection(FORMS["async_amd_machine_end_beep"]) == Detection(CALL, "machine_end_beep", 8120)
    assert webhook().detection(FORMS["async_amd_unknown"] | {"MachineDetectionDuration": ""}).duration_ms == 0
    with pytest.raises(WireError, match="no AnsweredBy"):
        webhook().detection({"CallSid": CALL})
    with pytest.raises(WireError, match="no CallSid"):
        webhook().detection({"AnsweredBy": "human"})
