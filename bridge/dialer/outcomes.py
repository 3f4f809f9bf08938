"""What became of an attempt: the words, and how the carrier's and our own words become them.

Sources: Twilio's Call statuses and AnsweredBy values; SIP response codes (RFC 3261, 603 and 607/608 as networks use
them today); Twilio's error numbers at call creation.
"""

from __future__ import annotations

from typing import Literal, get_args

Outcome = Literal[
    "human",
    "goal",
    "no_goal",
    "callback",
    "opted_out",
    "machine",
    "voicemail_left",
    "mailbox_full",
    "screened",
    "menu",
    "fax",
    "silence",
    "no_answer",
    "busy",
    "declined",
    "blocked",
    "bad_number",
    "failed",
    "canceled",
    "refused",
    "abandoned",
    "unknown",
    "not_placed",
]
"""
human           a person spoke with the agent
goal, no_goal   the same, and the call says itself whether it reached what it was for
callback        they want to be called at another time
opted_out       they do not want to be called again, ever
machine         an answering machine, and nothing was left on it
voicemail_left  a message was left
mailbox_full    a machine that takes no messages
screened        a call-screening assistant answered and nobody came
menu            a menu of a telephone system answered
fax             a fax machine
silence         answered, and nobody ever spoke
no_answer busy  as they say
declined        they pressed the red button (SIP 603)
blocked         a network took us for unwanted (SIP 607, 608)
bad_number      no such number (SIP 404, 484, 604; the carrier says it is invalid)
failed          trouble on the way (other SIP 4xx and 5xx)
canceled        called off while it rang, or by a person
refused         the carrier would not place it (permissions, account, caller id)
abandoned       a person answered and our side could not speak
unknown         nobody can tell whether the call was placed
not_placed      no phone rang, and it was nobody's fault (too many requests, called back before it went out, or taken
                out of the carrier's queue): no attempt
"""

OUTCOMES: tuple[str, ...] = get_args(Outcome)
REACHED: frozenset[str] = frozenset({"human", "goal", "no_goal", "callback", "opted_out"})
"""A person was spoken with."""
ANSWERED: frozenset[str] = REACHED | {
    "machine", "voicemail_left", "mailbox_full", "screened", "menu", "fax", "silence", "abandoned",
}  # fmt: skip
"""Somebody or something picked up."""
TROUBLE: frozenset[str] = frozenset({"failed", "refused", "blocked", "abandoned", "unknown"})
"""Counts as a failure where a campaign is stopped for failing too often."""
