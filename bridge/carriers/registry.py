"""Which phone companies there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.carriers.base import Control, Webhook, Wire
from bridge.config import Settings


@dataclass(frozen=True, slots=True)
class Carrier:
    """One phone company, ready to use."""

    name: str
    new_wire: Callable[[], Wire]
    webhook: Webhook
    control: Control
    account_id: str


def twilio(settings: Settings) -> Carrier:
    """Twilio, as the settings know it."""
    from bridge.carriers.twilio.control import TwilioControl
    from bridge.carriers.twilio.webhook import TwilioWebhook
    from bridge.carriers.twilio.wire import TwilioWire

    webhook = TwilioWebhook(
        settings.public_url, settings.auth_tokens, settings.twilio_account_sid, check=not settings.insecure_dev
    )
    return Carrier("twilio", TwilioWire, webhook, TwilioControl(settings), settings.twilio_account_sid)


CARRIERS: dict[str, Callable[[Settings], Carrier]] = {"twilio": twilio}
