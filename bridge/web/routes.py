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
from bridge.web.answers import Handler, answered, shown
from bridge.web.api import Api
from bridge.web.attempts import AttemptHooks
from bridge.web.campaign_desk import CampaignDesk
from bridge.web.campaigns import CampaignApi
from bridge.web.client_tools import ClientTools
from bridge.web.do_not_call import DoNotCallApi, DoNotCallDesk
from bridge.web.listening import ListenIn
from bridge.web.media import Media
from bridge.web.pages import api_docs
from bridge.web.pages.agents import AgentsPage
from bridge.web.pages.call import CallPage
from bridge.web.pages.calls import CallsPage
from bridge.web.pages.campaign_people import PeoplePages
from bridge.web.pages.campaign_steps import CampaignSteps
from bridge.web.pages.campaigns import CampaignPages
from bridge.web.pages.do_not_call import DoNotCallPage
from bridge.web.pages.live import LivePage
from bridge.web.pages.login import LoginPage
from bridge.web.pages.numbers import NumbersPage
from bridge.web.pages.overview import OverviewPage
from bridge.web.pages.settings import SettingsPage
from bridge.web.pages.setup import SetupPage
from bridge.web.pages.talk import TalkPage
from bridge.web.pages.webhooks import WebhooksPage
from bridge.web.people import PersonHooks
from bridge.web.problem import refusal
from bridge.web.selfcheck import SelfCheck
from bridge.web.services import Services
from bridge.web.single_calls import SingleCallApi
from bridge.web.talk import Talk
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
    attempts, check = AttemptHooks(services), SelfCheck(services, hooks)
    return [
        Route("/twilio/voice", hooks.signed(hooks.heard(hooks.voice)), methods=["POST"]),
        Route("/twilio/voice/{token}", hooks.signed(hooks.heard(attempts.answered)), methods=["POST"]),
        Route("/twilio/status/{token}", hooks.signed(attempts.status), methods=["POST"]),
        Route("/twilio/amd/{token}", hooks.signed(attempts.detected), methods=["POST"]),
        Route("/twilio/after/{token}", hooks.signed(hooks.heard(hooks.after)), methods=["POST"]),
        Route("/twilio/handed/{token}", hooks.signed(hooks.handed), methods=["POST"]),
        Route("/twilio/person/{token}", hooks.signed(hooks.heard(people.answered)), methods=["POST"]),
        Route("/twilio/person/{token}/said", hooks.signed(hooks.heard(people.said)), methods=["POST"]),
        Route("/twilio/person/{token}/status", hooks.signed(people.status), methods=["POST"]),
        Route("/twilio/person/{token}/room", hooks.signed(people.room), methods=["POST"]),
        Route("/twilio/status", hooks.signed(hooks.status), methods=["POST"]),
        Route("/twilio/stream", hooks.signed(hooks.stream), methods=["POST"]),
        Route("/twilio/amd", hooks.signed(hooks.noted), methods=["POST"]),
        Route("/twilio/recording", hooks.signed(hooks.noted), methods=["POST"]),
        WebSocketRoute("/twilio/media/{token}", Media(services).serve),
        Route("/twilio/check/{nonce}", check.signature, methods=["POST"]),
        WebSocketRoute("/twilio/check/{nonce}", check.socket),
        Route("/healthz", check.health),
        Route("/readyz", api.ready),
    ]


def admin(services: Services, access: Access, updates: Updates) -> list[BaseRoute]:
    """Every URL of the admin listener. (One of `/healthz` knows nobody: the guard lets it through unasked.)"""
    api, verbs, login = Api(services), Verbs(services), LoginPage(access, services)
    live = LivePage(services, updates)
    overview, settings = OverviewPage(services, updates), SettingsPage(services, access)
    talk = Talk(services)
    overview.failing = SetupPage(services).failed
    desk, numbers = CampaignDesk(services), DoNotCallDesk(services)
    return [
        free("/healthz", api.health),
        free("/static/{version}/{name:path}", assets.serve),
        free("/login", login.show),
        free("/login", login.log_in, ["POST"]),
        seen("/", overview.show),
        seen("/updates", updates.serve),
        seen("/talk", TalkPage(services, talk.visits).show),
        seen("/api/v1/talk", talk.choices),
        done_socket("/api/v1/talk", talk.serve),
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
        seen("/api/docs", api_docs.show),
        seen("/api/v1/openapi.json", api_docs.document),
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
        *past_calls(services, updates),
        *outbound(services, desk, numbers),
        *campaign_pages(services, desk, numbers, updates),
        *setting_up(services),
        *telling(services, updates),
        *who_talks(services),
    ]


def who_talks(services: Services) -> list[BaseRoute]:
    """Agents as they serve: a part of the admin listener."""
    agents = AgentsPage(services)
    return [
        seen("/agents", agents.show),
        seen("/agents/{name:path}", agents.one),
        seen("/api/v1/agents", answered(agents.listed)),
        seen("/api/v1/agents/{name:path}", answered(agents.described)),
    ]


def telling(services: Services, updates: Updates) -> list[BaseRoute]:
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


def setting_up(services: Services) -> list[BaseRoute]:
    """Checks, and numbers that point here or elsewhere: a part of the admin listener."""
    setup, numbers = SetupPage(services), NumbersPage(services)
    return [
        seen("/setup", setup.show),
        seen("/setup/checks/{check}", setup.row),
        ruled("/setup/checks/{check}/fix", setup.fix),
        seen("/numbers", numbers.show),
        ruled("/numbers/{number}/{verb}", numbers.change),
        seen("/api/v1/setup", setup.findings),
        ruled("/api/v1/setup/{check}/fix", answered(setup.mend)),
        seen("/api/v1/numbers", answered(numbers.rows)),
        ruled("/api/v1/numbers/{number}/{verb}", answered(numbers.move)),
    ]


def past_calls(services: Services, updates: Updates) -> list[BaseRoute]:
    """The list of calls, and each one's page with all that hangs on it. Who takes a copy away must be an operator."""
    calls, call = CallsPage(services, updates), CallPage(services, updates)
    one = "/calls/{call_id}"
    return [
        seen("/calls", calls.show),
        done("/calls.csv", calls.table, ["GET"]),
        done("/calls.json", calls.document, ["GET"]),
        seen(one, call.show),
        seen(f"{one}/events", call.events),
        seen(f"{one}/peaks.json", call.peaks),
        seen(f"{one}/recording.wav", call.recording),
        seen(f"{one}/replays", call.replays),
        seen(f"/api/v1{one}/explain", call.explained),
        done(f"{one}/export/{{name}}", call.export, ["GET"]),
    ]


_MOVES: Final = ("start", "pause", "resume", "cancel")


def outbound(services: Services, desk: CampaignDesk, numbers: DoNotCallDesk) -> list[BaseRoute]:
    """What calls, campaigns and the do-not-call list are handled by: a part of the admin listener."""
    calls, campaigns, listed = SingleCallApi(services), CampaignApi(services, desk), DoNotCallApi(services, numbers)
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
        seen(f"{campaign}/contacts/{{contact}}", answered(campaigns.person)),
        seen(f"{campaign}/errors.csv", answered(campaigns.errors)),
        seen(f"{campaign}/progress", answered(campaigns.progress)),
        done(f"{campaign}/check", answered(campaigns.check)),
        seen(f"{campaign}/report.csv", answered(campaigns.table)),
        seen(f"{campaign}/report.json", answered(campaigns.document)),
        *(done(f"{campaign}/{verb}", answered(campaigns.moves(verb))) for verb in _MOVES),
        seen("/api/v1/review", answered(campaigns.review)),
        done("/api/v1/review/{attempt_id}", answered(campaigns.decide)),
        seen("/api/v1/do-not-call", answered(listed.page)),
        done("/api/v1/do-not-call", answered(listed.add)),
        done("/api/v1/do-not-call", answered(listed.remove), ["DELETE"]),
        done("/api/v1/do-not-call/file", answered(listed.take), ["PUT"]),
        seen("/api/v1/do-not-call/file", answered(listed.export)),
        ruled("/api/v1/audit", answered(listed.audit), ["GET"]),
    ]


def campaign_pages(services: Services, desk: CampaignDesk, numbers: DoNotCallDesk, updates: Updates) -> list[BaseRoute]:
    """The pages of campaigns, of their people, and of who may not be called: a part of the admin listener."""
    every, steps = CampaignPages(desk, updates), CampaignSteps(services, desk, updates)
    people, listed = PeoplePages(desk), DoNotCallPage(services, numbers)
    campaign = "/campaigns/{campaign}"
    return [
        seen("/campaigns", shown(every.every)),
        done("/campaigns/new", shown(steps.new), ["GET"]),
        done("/campaigns/new", shown(steps.create)),
        seen(campaign, shown(every.show)),
        *(done(f"{campaign}/{verb}", shown(every.moves(verb))) for verb in _MOVES),
        done(f"{campaign}/list", shown(steps.people), ["GET"]),
        seen(f"{campaign}/check", shown(steps.check)),
        done(f"{campaign}/check", shown(steps.checked)),
        done(f"{campaign}/rules", shown(steps.rules), ["GET"]),
        done(f"{campaign}/rules", shown(steps.edit)),
        done(f"{campaign}/test", shown(steps.test), ["GET"]),
        done(f"{campaign}/test", shown(steps.call)),
        seen(f"{campaign}/contacts", shown(people.contacts)),
        seen(f"{campaign}/contacts/{{contact}}", shown(people.contact)),
        seen("/review", shown(people.review)),
        done("/review", shown(people.decide)),
        seen("/contacts/do-not-call", shown(listed.show)),
        done("/contacts/do-not-call", shown(listed.add)),
        done("/contacts/do-not-call/remove", shown(listed.remove)),
    ]
