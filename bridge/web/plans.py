"""Answers to the carrier: the document of a plan, and the plan that connects a caller to us."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from bridge.carriers.base import AnswerPlan, StreamTo
from bridge.live.session import CallSession
from bridge.web.services import Services


def document(services: Services, plan: AnswerPlan) -> Response:
    """What the carrier shall do now."""
    found = services.carrier.webhook.answer(plan)
    return Response(found.text, media_type=found.content_type)


def lead_to_us(services: Services, session: CallSession) -> StreamTo:
    """Connect whoever is on the line to us, for the first time: the tokens of this call's life are made."""
    if not session.after_path:
        after_token = services.switchboard.tickets.issue_after(session.info.call_id)
        session.after_path = f"/twilio/after/{after_token}"
        session.handed_path = f"/twilio/handed/{after_token}"
    return stream_to(services, session)


def stream_to(services: Services, session: CallSession, keys: str = "") -> StreamTo:
    """Connect the caller of this session to us, after `keys` were sent into the call."""
    token = services.switchboard.tickets.issue_media(session.info.call_id, asyncio.get_running_loop().time())
    return StreamTo(f"/twilio/media/{token}", session.after_path, "/twilio/stream", keys)
