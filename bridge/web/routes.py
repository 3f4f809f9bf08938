"""The whole URL map. PUBLIC is what the carrier reaches from outside; ADMIN is for people, on a listener of its own."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, WebSocketRoute

from bridge.web.api import Api
from bridge.web.attempts import AttemptHooks
from bridge.web.client_tools import ClientTools
from bridge.web.media import Media
from bridge.web.people import PersonHooks
from bridge.web.services import Services
from bridge.web.verbs import Verbs
from bridge.web.webhooks import Webhooks


def public(services: Services) -> list[BaseRoute]:
    """Every URL of the public listener; all else is 404."""
    hooks, people, api = Webhooks(services), PersonHooks(services), Api(services)
    attempts = AttemptHooks(services)
    return [
        Route("/twilio/voice", hooks.signed(hooks.voice), methods=["POST"]),
        Route("/twilio/voice/{token}", hooks.signed(attempts.answered), methods=["POST"]),
        Route("/twilio/status/{token}", hooks.signed(attempts.status), methods=["POST"]),
        Route("/twilio/amd/{token}", hooks.signed(attempts.detected), methods=["POST"]),
        Route("/twilio/after/{token}", hooks.signed(hooks.after), methods=["POST"]),
        Route("/twilio/handed/{token}", hooks.signed(hooks.handed), methods=["POST"]),
        Route("/twilio/person/{token}", hooks.signed(people.answered), methods=["POST"]),
        Route("/twilio/person/{token}/said", hooks.signed(people.said), methods=["POST"]),
        Route("/twilio/person/{token}/status", hooks.signed(people.status), methods=["POST"]),
        Route("/twilio/person/{token}/room", hooks.signed(people.room), methods=["POST"]),
        Route("/twilio/status", hooks.signed(hooks.status), methods=["POST"]),
        Route("/twilio/stream", hooks.signed(hooks.stream), methods=["POST"]),
        Route("/twilio/amd", hooks.signed(hooks.noted), methods=["POST"]),
        Route("/twilio/recording", hooks.signed(hooks.noted), methods=["POST"]),
        WebSocketRoute("/twilio/media/{token}", Media(services).serve),
        Route("/healthz", api.health),
        Route("/readyz", api.ready),
    ]


def admin(services: Services) -> list[BaseRoute]:
    """Every URL of the admin listener."""
    api, verbs = Api(services), Verbs(services)
    return [
        Route("/healthz", api.health),
        Route("/feed", api.feed),
        Route("/api/v1/calls", api.calls),
        Route("/api/v1/calls/{call_id}", api.call),
        Route("/api/v1/calls/{call_id}/say", verbs.say, methods=["POST"]),
        Route("/api/v1/calls/{call_id}/note", verbs.note, methods=["POST"]),
        Route("/api/v1/calls/{call_id}/transfer", verbs.transfer, methods=["POST"]),
        Route("/api/v1/calls/{call_id}/hangup", verbs.hang_up, methods=["POST"]),
        WebSocketRoute("/api/v1/calls/{call_id}/tools", ClientTools(services).serve),
        Route("/api/v1/approvals", verbs.approvals),
        Route("/api/v1/approvals/{approval_id}", verbs.approve, methods=["POST"]),
    ]
