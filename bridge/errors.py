"""The errors of the whole house.

    BridgeError
    |-- UsageError                the person at the keyboard can mend it: exit code 2
    |   |-- ConfigError           a setting is missing, misspelt or cannot be used
    |   |-- AgentError            an agent (or one of its tools) is declared wrongly
    |   |-- NumberRefused         nobody may dial this number; `why` is one word
    |   |-- ContactFileError      a list of contacts cannot be read at all
    |   |-- CampaignRefused       this cannot be done with this campaign, as it stands
    |   |   `-- NoSuchCampaign    there is none of this name or id
    |   `-- CallNotAllowed        this call may not be placed; `why` is one word
    |-- RefusedRequest            somebody asked for something they may not have: HTTP 403, nothing spent
    |   |-- BadSignature          X-Twilio-Signature is missing or was made for another URL, body or token
    |   `-- BadToken              a token in a path is unknown, used, expired or bound to another call
    |-- WireError                 a message from the phone company does not follow its protocol
    |-- CarrierError              the phone company's REST API refused or did not answer
    |-- ModelError                the model's side of a call
    |   |-- ModelRefused          it will not serve us: key, model, quota, request shape
    |   |-- ModelUnreachable      it could not be reached or went away; may be tried again
    |   `-- ModelMistaken         it answered, and not in the form it was asked for
    |-- ToolError                 a tool failed in a way the model should hear about
    |-- StoreError                a file or database did not take what we gave it
    |   |-- StoreConflict         it contradicts what is there already: a constraint holds
    |   |-- DatabaseBusy          somebody else holds the database; may be tried again
    |   |-- DatabaseFull          its disk is full; may be tried again when there is room
    |   `-- DatabaseLost          it is gone, unreachable or read-only; may be tried again
    |-- TunnelError               no way to this machine from outside could be opened
    `-- ServiceUnavailable        a command needs a running `callbridge serve` and there is none

Each error carries its verdict, so that nobody has to guess from its text:

`retry`   may the same thing be tried again as it is?
`bucket`  who is to blame, as outcomes are counted: `client_error` (what we were given), `server_error` (we),
          `upstream_error` (the carrier or the model), `indeterminate` (it may or may not have happened).
"""

from __future__ import annotations

from typing import ClassVar, Literal

Refused = Literal["", "rate_limited", "bad_number", "not_allowed", "caller_id", "account"]
"""Why a carrier would not place a call: it asks to slow down; there is no such number; it may not be called (country,
block list); the number we call from is not ours; the account is closed or its keys are wrong. Empty: something else."""

Bucket = Literal["client_error", "server_error", "upstream_error", "indeterminate"]


class BridgeError(Exception):
    """Something went wrong in callbridge."""

    retry: ClassVar[bool] = False
    bucket: ClassVar[Bucket] = "server_error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class UsageError(BridgeError):
    """The command cannot run as it was given."""

    bucket = "client_error"


class ConfigError(UsageError):
    """A setting cannot be used."""


class AgentError(UsageError):
    """The agent cannot be used as it is declared."""


class ContactFileError(UsageError):
    """The contact file cannot be read."""


class CampaignRefused(UsageError):
    """This cannot be done with this campaign."""


class NoSuchCampaign(CampaignRefused):
    """There is no such campaign."""


class CallNotAllowed(UsageError):
    """This call may not be placed.

    `why` is one word: do_not_call; being_called (by an attempt that is not decided yet); key_reused (for another call);
    unknown (nobody knows yet whether there is a call to end).
    """

    def __init__(self, message: str, *, why: str) -> None:
        super().__init__(message)
        self.why = why


class NumberRefused(UsageError):
    """Nobody may dial this number.

    `why` is one word, the same for all numbers refused alike: not_a_number, no_country_code, short_code, emergency,
    no_such_number, premium, shared_cost, uan, personal, pager, voicemail, satellite, worldwide, own_number,
    country_not_allowed.
    """

    def __init__(self, message: str, *, why: str) -> None:
        super().__init__(message)
        self.why = why


class RefusedRequest(BridgeError):
    """The request is refused."""

    bucket = "client_error"


class BadSignature(RefusedRequest):
    """The request does not carry a valid X-Twilio-Signature."""


class BadToken(RefusedRequest):
    """The token is unknown, used, expired or bound to another call."""


class WireError(BridgeError):
    """The phone company sent a message that does not follow its protocol."""

    bucket = "upstream_error"


class CarrierError(BridgeError):
    """The phone company's REST API did not do what was asked.

    `status` is the HTTP status, 0 when no answer came; `code` is the carrier's own number, 0 when it gave none.
    `gone` says that the call had already ended, which is no reason for alarm. `placed` tells whether what was asked
    can have happened all the same: `no` where it was refused or never sent, `maybe` where only the answer is missing.
    `kind` is why it was refused; `retry_after_s` how long the carrier wants to be left alone, when it says so.
    """

    bucket = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: int = 0,
        gone: bool = False,
        placed: Literal["no", "maybe"] = "maybe",
        kind: Refused = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.gone = gone
        self.placed = placed
        self.kind = kind
        self.retry_after_s = retry_after_s


class ModelError(BridgeError):
    """The model's side of the call failed."""

    bucket = "upstream_error"


class ModelRefused(ModelError):
    """The model's server will not serve us; trying again changes nothing."""


class ModelUnreachable(ModelError):
    """The model's server could not be reached."""

    retry = True


class ModelMistaken(ModelError):
    """The model answered, and not in the form it was asked for."""

    retry = True


class ToolError(BridgeError):
    """A tool could not do what the model asked; the text is meant for the model."""


class StoreError(BridgeError):
    """What was to be kept could not be written or read."""


class StoreConflict(StoreError):
    """What was to be stored contradicts what the database holds."""


class DatabaseBusy(StoreError):
    """Somebody else held the database for longer than was waited for. Nothing was written."""

    retry = True


class DatabaseFull(StoreError):
    """The disk of the database is full. Nothing was written."""

    retry = True


class DatabaseLost(StoreError):
    """The database is gone, unreachable or read-only. Whether the last transaction was kept is not known."""

    retry = True
    bucket = "indeterminate"


class TunnelError(BridgeError):
    """The tunnel could not be opened."""

    bucket = "upstream_error"


class ServiceUnavailable(BridgeError):
    """There is no running `callbridge serve` to talk to."""

    retry = True
    bucket = "client_error"
