"""The whole URL map. PUBLIC is what the carrier reaches from outside; ADMIN is for people, on a listener of its own.

Every route of the admin listener says whom it is for: `seen` for who may look, `done` for who may act on calls and
campaigns, `ruled` for who may change settings and tokens, `free` for anybody. There is no other way to add one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bridge.web import assets
from bridge.web.access import Access, Role
from bridge.web.answers import Handler, answered
from bridge.web.api import Api
from bridge.web.attempts import AttemptHooks
from bridge.web.campaigns import CampaignApi
from bridge.web.client_tools import ClientTools
from bridge.web.do_not_call import DoNotCallApi
from bridge.web.listening import ListenIn
from bridge.web.media import Media
from bridge.web.pages.agents import AgentsPage
from bridge.web.pages.live import LivePage
from bridge.web.pages.login import LoginPage
from bridge.web.pages.overview import OverviewPage
from bridge.web.pages.settings import SettingsPage
from bridge.web.pages.webhooks import WebhooksPage
from bridge.web.people import PersonHooks
from bridge.web.problem import refusal
from bridge.web.services import Services
from bridge.web.single_calls import SingleCallApi
from bridge.web.updates import Updates
from bridge.web.verbs import Verbs
from bridge.web.webhook_api import WebhookApi
from bridge.web.webhooks import Webhooks

SocketHandler = Callable[[WebSocket], Awaitable[None]]


class Door(Route):
    """An admin route, and whom it needs; None: anybody."""

    def __init__(self, path: str, handler: Handler, methods: Sequence[str], needs: Role | None) -> None:
        super().__init__(path, handler if needs is None else _only(needs, handler), methods=list(methods))
        self.needs = needs


class SocketDoor(WebSocketRoute):
    """An admin WebSocket, and whom it needs."""

    def __init__(self, path: str, handler: SocketHandler, needs: Role) -> None:
        super().__init__(path, _only_socket(needs, handler))
        self.needs = needs


def free(path: str, handler: Handler, methods: Sequence[str] = ("GET",)) -> Door:
    """For anybody, logged in or not."""
    return Door(path, handler, methods, None)


def seen(path: str, handler: Handler) -> Door:
    """For who may look."""
    return Door(path, handler, ("GET",), Role.VIEWER)


def done(path: str, handler: Handler, methods: Sequence[str] = ("POST",)) -> Door:
    """For who may act."""
    return Door(path, handler, methods, Role.OPERATOR)


def ruled(path: str, handler: Handler, methods: Sequence[str] = ("POST",)) -> Door:
    """For who may rule."""
    return Door(path, handler, methods, Role.ADMIN)


def seen_socket(path: str, handler: SocketHandler) -> SocketDoor:
    """A WebSocket for who may look."""
    return SocketDoor(path, handler, Role.VIEWER)


def done_socket(path: str, handler: SocketHandler) -> SocketDoor:
    """A WebSocket for who may act."""
    return SocketDoor(path, handler, Role.OPERATOR)


def _only(needs: Role, handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        who = request.state.who
        if who.role < needs:
            return refusal(request, 403, "Forbidden", f"this needs the role {needs.word}; you are {who.role.word}")
        return await handler(request)

    return guarded


def _only_socket(needs: Role, handler: SocketHandler) -> SocketHandler:
    async def guarded(socket: WebSocket) -> None:
        if socket.state.who.role < needs:
            await socket.close(1008)
        else:
            await handler(socket)

    return guarded


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


def admin(services: Services, access: Access, updates: Updates) -> list[BaseRoute]:
    """Every URL of the admin listener. (One of `/healthz` knows nobody: the guard lets it through unasked.)"""
    api, verbs, login = Api(services), Verbs(services), LoginPage(access, services)
    live, agents = LivePage(services, updates), AgentsPage(services)
    overview, settings = OverviewPage(services, updates), SettingsPage(services, access)
    return [
        free("/healthz", api.health),
        free("/static/{version}/{name:path}", assets.serve),
        free("/login", login.show),
        free("/login", login.log_in, ["POST"]),
        seen("/", overview.show),
        seen("/updates", updates.serve),
        seen("/feed", updates.facts),
        seen("/live", live.show),
        seen("/calls/{call_id}/live", live.call),
        seen("/settings", settings.show),
        ruled("/settings/audit", settings.audit, ["GET"]),
        Door("/logout", login.log_out, ["POST"], Role.VIEWER),
        Door("/preferences", login.prefer, ["POST"], Role.VIEWER),
        ruled("/settings/tokens", settings.create_token),
        ruled("/settings/tokens/{token_id}/revoke", settings.revoke_token),
        ruled("/settings/sessions/{session_id}/close", settings.close_session),
        seen("/api/v1/overview", overview.figures),
        seen("/api/v1/settings", settings.values),
        ruled("/api/v1/tokens", settings.tokens, ["GET"]),
        ruled("/api/v1/tokens", settings.make_token),
        ruled("/api/v1/tokens/{token_id}", settings.drop_token, ["DELETE"]),
        seen("/api/v1/calls", api.calls),
        seen("/api/v1/calls/{call_id}", api.call),
        done("/api/v1/calls/{call_id}/say", verbs.say),
        done("/api/v1/calls/{call_id}/note", verbs.note),
        done("/api/v1/calls/{call_id}/transfer", verbs.transfer),
        done("/api/v1/calls/{call_id}/hangup", verbs.hang_up),
        done("/api/v1/calls/{call_id}/handoff", verbs.hand_off),
        done("/api/v1/calls/{call_id}/tools/{tool_call_id}", verbs.answer_tool),
        seen("/api/v1/calls/{call_id}/live", verbs.watch),
        done_socket("/api/v1/calls/{call_id}/audio", ListenIn(services, access).serve),
        done_socket("/api/v1/calls/{call_id}/tools", ClientTools(services).serve),
        seen("/api/v1/approvals", verbs.approvals),
        done("/api/v1/approvals/{approval_id}", verbs.approve),
        seen("/agents", agents.show),
        seen("/agents/{name:path}", agents.one),
        seen("/api/v1/agents", agents.listed),
        seen("/api/v1/agents/{name:path}", agents.described),
        *outbound(services),
        *hooks(services, updates),
    ]


def hooks(services: Services, updates: Updates) -> list[BaseRoute]:
    """What we tell others, and what the carrier told us: a part of the admin listener."""
    api = WebhookApi(services)
    page = WebhooksPage(services, api, updates)
    base, endpoint = "/api/v1/webhooks", "/api/v1/webhooks/endpoints/{endpoint_id}"
    return [
        seen("/webhooks", page.show),
        ruled("/webhooks/endpoints", page.create),
        done("/webhooks/endpoints/{endpoint_id}/test", page.test),
        *(ruled(f"/webhooks/endpoints/{{endpoint_id}}/{verb}", page.switch) for verb in ("on", "off", "delete")),
        done("/webhooks/deliveries/{delivery_id}/resend", page.resend),
        done("/webhooks/inbound/{request_id}/replay", page.replay),
        seen(f"{base}/endpoints", answered(api.endpoints)),
        ruled(f"{base}/endpoints", answered(api.create)),
        ruled(endpoint, answered(api.switch), ["PATCH"]),
        ruled(endpoint, answered(api.delete), ["DELETE"]),
        done(f"{endpoint}/test", answered(api.send_test)),
        seen(f"{base}/deliveries", answered(api.deliveries)),
        done(f"{base}/deliveries/{{delivery_id}}/resend", answered(api.resend)),
        seen(f"{base}/inbound", answered(api.inbound)),
        done(f"{base}/inbound/{{request_id}}/replay", answered(api.replay)),
    ]


_MOVES: Final = ("start", "pause", "resume", "cancel")


def outbound(services: Services) -> list[BaseRoute]:
    """What calls, campaigns and the do-not-call list are handled by: a part of the admin listener."""
    calls, campaigns, listed = SingleCallApi(services), CampaignApi(services), DoNotCallApi(services)
    campaign = "/api/v1/campaigns/{campaign}"
    return [
        done("/api/v1/calls", answered(calls.place)),
        seen("/api/v1/attempts/{attempt_id}", answered(calls.show)),
        done("/api/v1/attempts/{attempt_id}/hangup", answered(calls.hang_up)),
        seen("/api/v1/campaigns", answered(campaigns.list)),
        done("/api/v1/campaigns", answered(campaigns.create)),
        seen(campaign, answered(campaigns.show)),
        done(campaign, answered(campaigns.edit), ["PATCH"]),
        seen(f"{campaign}/contacts", answered(campaigns.people)),
        done(f"{campaign}/contacts", answered(campaigns.fill), ["PUT"]),
        done(f"{campaign}/check", answered(campaigns.check)),
        seen(f"{campaign}/report.csv", answered(campaigns.table)),
        seen(f"{campaign}/report.json", answered(campaigns.document)),
        *(
            done(f"{campaign}/{verb}", answered(campaigns.moves(verb)))
            for verb in ("start", "pause", "resume", "cancel")
        ),
        seen("/api/v1/review", answered(campaigns.review)),
        done("/api/v1/review/{attempt_id}", answered(campaigns.decide)),
        seen("/api/v1/do-not-call", answered(listed.page)),
        done("/api/v1/do-not-call", answered(listed.add)),
        done("/api/v1/do-not-call", answered(listed.remove), ["DELETE"]),
        ruled("/api/v1/audit", answered(listed.audit), ["GET"]),
    ]
