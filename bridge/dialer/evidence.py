"""What is known of an attempt, and what follows from it.

Webhooks are lost, doubled, late and out of order, and our own call says its part when it likes. So nothing is decided
by an arrival: each word is laid down on the attempt (`lay`), in a way that the order of words does not matter, and what
became of the attempt is worked out from all that lies there (`conclude`), as often as something is added.

How a field takes a second word:
    status                       the further one on its way; between two ends a fixed order decides
    rang_at, answered_at, ended_at    the earliest
    result                       the weightiest: whoever says no has said no, whatever else was reached
    carrier_call_id, call_id     the first: one token is one call, and words of another one do not count
    everything else              the greater of two that differ (nobody says two; there is a rule all the same)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from bridge.dialer.outcomes import Outcome
from bridge.store.base import Attempt, AttemptState

_WAY = ("", "queued", "initiated", "ringing", "in-progress", "canceled", "failed", "no-answer", "busy", "completed")
"""How far a call has come. The ends are last, in the order in which they are believed against each other."""
_RANK = {status: rank for rank, status in enumerate(_WAY)}
ENDS = frozenset(_WAY[5:])
"""Nothing comes after these."""

_BAD_NUMBER = frozenset({404, 410, 484, 604})
_BLOCKED = frozenset({607, 608})
_DECLINED = 603
_RESULTS: tuple[Outcome, ...] = ("opted_out", "callback", "goal", "no_goal")
"""What a call says of itself; the first one of these that was said counts."""
_JUDGED: dict[str, Outcome] = {
    "human": "human",
    "machine": "machine",
    "voicemail_left": "voicemail_left",
    "mailbox_full": "mailbox_full",
    "screening": "screened",
    "unanswered": "screened",
    "menu": "menu",
    "fax": "fax",
    "silence": "silence",
    "busy": "busy",
    "no_service": "bad_number",
}
"""Our own judgement, as `facts.AnswerJudged` names it; `voicemail_left` where a message was heard by the machine."""
_OURS_FAILED = frozenset({"model_failed", "shutdown", "crashed", "phone_lost", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One piece of evidence about the attempt of `token`. Fields that say nothing are left at their defaults."""

    token: str
    at: float
    """When it was said."""
    carrier_call_id: str = ""
    status: str = ""
    sip: int = 0
    error_code: int = 0
    answered_by: str = ""
    judged: str = ""
    result: str = ""
    callback_at: float | None = None
    call_id: str = ""
    end_reason: str = ""
    reason: str = ""
    called_off: str = ""
    """The carrier is being asked to take it out of its queue, and why; what that came to, `status` says."""
    not_placed: Outcome | None = None
    """The carrier certainly did not place it; what that comes to."""
    lost: bool = False
    """The answer to the order was lost: it may or may not have been placed."""
    review: bool = False
    """Nobody can tell, and nobody will be able to: a person has to decide."""
    carrier_usd: float | None = None
    model_usd: float | None = None


class Conclusion(NamedTuple):
    """What follows from all that lies there."""

    state: AttemptState
    outcome: str


def lay(attempt: Attempt, word: Word) -> Attempt:
    """The attempt with this word added. In whatever order words come, and however often, the same lies there."""
    if word.not_placed is not None:
        return _not_placed(attempt, word)
    if word.carrier_call_id and attempt.carrier_call_id not in ("", word.carrier_call_id):
        return attempt
    laid = replace(
        attempt,
        carrier_call_id=attempt.carrier_call_id or word.carrier_call_id,
        call_id=attempt.call_id or word.call_id,
        placed_at=_earliest(attempt.placed_at, word.at if word.carrier_call_id else None),
        rang_at=_earliest(attempt.rang_at, word.at if word.status in ("initiated", "ringing") else None),
        answered_at=_earliest(attempt.answered_at, word.at if _picked_up(word) else None),
        ended_at=_earliest(attempt.ended_at, _ended(attempt, word)),
        status=max(attempt.status, word.status, key=_rank),
        called_off=max(attempt.called_off, word.called_off),
        sip=max(attempt.sip, word.sip),
        error_code=max(attempt.error_code, word.error_code),
        answered_by=max(attempt.answered_by, word.answered_by),
        judged=max(attempt.judged, word.judged),
        result=max(attempt.result, word.result, key=_weight),
        callback_at=_earliest(attempt.callback_at, word.callback_at),
        end_reason=max(attempt.end_reason, word.end_reason),
        reason=max(attempt.reason, word.reason),
        carrier_usd=max(attempt.carrier_usd, word.carrier_usd or 0.0),
        model_usd=max(attempt.model_usd, word.model_usd or 0.0),
    )
    found = conclude(laid, lost=word.lost, review=word.review)
    return replace(laid, state=found.state, outcome=found.outcome)


def conclude(attempt: Attempt, *, lost: bool = False, review: bool = False) -> Conclusion:
    """Where the attempt stands. A closed one is never opened again: its number may be somebody else's turn already."""
    if attempt.status in ENDS:
        return Conclusion("closed", _outcome(attempt))
    if attempt.state == "closed":
        return Conclusion("closed", attempt.outcome)
    if attempt.answered_at is not None:
        return Conclusion("answered", "")
    if attempt.carrier_call_id:
        return Conclusion("placed", "")
    if review and attempt.state in ("intent", "unknown"):
        return Conclusion("review", "")
    return Conclusion("unknown" if lost and attempt.state == "intent" else attempt.state, "")


def is_waiting(attempt: Attempt) -> bool:
    """Does it stand in the carrier's queue, as far as anybody has told?"""
    return attempt.state == "placed" and _rank(attempt.status) < _RANK["ringing"]


def was_taken_out(attempt: Attempt) -> bool:
    """Was it taken out of the carrier's queue, and did no phone ring, as far as anybody has told?"""
    begun = attempt.rang_at is not None or attempt.answered_at is not None
    return attempt.status == "canceled" and bool(attempt.called_off) and not begun


def _not_placed(attempt: Attempt, word: Word) -> Attempt:
    """The carrier refused the order. Words of a call that exists all the same weigh more."""
    if attempt.carrier_call_id or attempt.state == "closed" or word.not_placed is None:
        return attempt
    code = max(attempt.error_code, word.error_code)
    return replace(
        attempt, state="closed", outcome=word.not_placed, reason=word.reason, error_code=code, ended_at=word.at
    )


def _outcome(attempt: Attempt) -> Outcome:
    if attempt.status == "completed":
        return _of_answered(attempt)
    if was_taken_out(attempt):
        return "not_placed"
    if attempt.sip in _BAD_NUMBER:
        return "bad_number"
    if attempt.sip in _BLOCKED:
        return "blocked"
    if attempt.sip == _DECLINED:
        return "declined"
    found: dict[str, Outcome] = {"busy": "busy", "no-answer": "no_answer", "canceled": "canceled"}
    return found.get(attempt.status, "failed")


def _of_answered(attempt: Attempt) -> Outcome:
    """Somebody or something picked up. What the call said of itself counts most, the carrier's guess least."""
    for result in _RESULTS:
        if attempt.result == result:
            return result
    if attempt.judged in _JUDGED:
        return _JUDGED[attempt.judged]
    if attempt.answered_by.startswith("machine"):
        return "machine"
    if attempt.answered_by == "fax":
        return "fax"
    return "abandoned" if not attempt.call_id or attempt.end_reason in _OURS_FAILED else "human"


def _picked_up(word: Word) -> bool:
    return word.status == "in-progress" or bool(word.call_id)


def _rank(status: str) -> int:
    return _RANK.get(status, 0)


def _weight(result: str) -> int:
    return len(_RESULTS) - _RESULTS.index(result) if result in _RESULTS else 0


def _ended(attempt: Attempt, word: Word) -> float | None:
    """The carrier's clock counts in whole seconds, and nothing ends before it began."""
    return max(word.at, attempt.claimed_at) if word.status in ENDS else None


def _earliest(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
