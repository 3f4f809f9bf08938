"""The whole URL map. PUBLIC is what the carrier reaches from outside; ADMIN is for people, on a listener of its own."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, WebSocketRoute

from bridge.web.answers import Handler, answered
from bridge.web.api import Api
from bridge.web.attempts import AttemptHooks
from bridge.web.campaigns import CampaignApi
from bridge.web.client_tools import ClientTools
from bridge.web.do_not_call import DoNotCallApi
from bridge.web.media import Media
from bridge.web.people import PersonHooks
from bridge.web.services import Services
from bridge.web.single_calls import SingleCallApi
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
        *outbound(services),
    ]


def outbound(services: Services) -> list[BaseRoute]:
    """What calls, campaigns and the do-not-call list are handled by: a part of the admin listener."""
    calls, campaigns, listed = SingleCallApi(services), CampaignApi(services), DoNotCallApi(services)
    campaign = "/api/v1/campaigns/{campaign}"

    def route(path: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, answered(handler), methods=[method])

    return [
        route("/api/v1/calls", calls.place, "POST"),
        route("/api/v1/attempts/{attempt_id}", calls.show),
        route("/api/v1/attempts/{attempt_id}/hangup", calls.hang_up, "POST"),
        route("/api/v1/campaigns", campaigns.list),
        route("/api/v1/campaigns", campaigns.create, "POST"),
        route(campaign, campaigns.show),
        route(campaign, campaigns.edit, "PATCH"),
        route(f"{campaign}/contacts", campaigns.people),
        route(f"{campaign}/contacts", campaigns.fill, "PUT"),
        route(f"{campaign}/check", campaigns.check, "POST"),
        route(f"{campaign}/report.csv", campaigns.table),
        route(f"{campaign}/report.json", campaigns.document),
        *(
            route(f"{campaign}/{verb}", campaigns.moves(verb), "POST")
            for verb in ("start", "pause", "resume", "cancel")
        ),
        route("/api/v1/review", campaigns.review),
        route("/api/v1/review/{attempt_id}", campaigns.decide, "POST"),
        route("/api/v1/do-not-call", listed.page),
        route("/api/v1/do-not-call", listed.add, "POST"),
        route("/api/v1/do-not-call", listed.remove, "DELETE"),
        route("/api/v1/audit", listed.audit),
    ]
